"""The command `make vote`: combine several submission files into one, for teammates who share only submission files.

The combined class of a row is the most frequent class, and the combined probability or number is the mean. The function
`vote` in answers.py says how other answers are combined. In a tie, the file that is named first decides, so the user
should name the best file first.
"""

from pathlib import Path

from comp import console, files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.inputs.sample_submission import sample_ids
from comp.project import Project
from comp.store.paths import submission_csv
from comp.submission import answers, submission_file
from comp.submission.answer_report import similarity, similarity_text, similarity_title


def make_vote(project: Project, paths: list[Path]) -> None:
    """Combine submission files by vote, and write the result to submission.csv unless it is already up to date.

    paths: the paths of the files, the best file first.
    """
    _check_files(paths, project.competition)
    record = submission_file.submission_sources(project, None, [files.digest(path) for path in paths])
    if submission_file.is_current(project.outputs, record):
        console.say(f"{submission_csv(project.outputs)} is up to date: it is the vote of {len(paths)} files")
        return
    competition, sample = project.competition, submission_file.read_sample(project)
    ids = sample_ids(sample, competition)
    votes = [submission_file.read_answers(path, competition, ids) for path in paths]
    combined = answers.vote(competition, votes)
    source = {"run": "vote", "files": [str(path) for path in paths]}
    data = submission_file.fill(sample, competition, combined)
    submission_file.write_submission(project.outputs, data, source, record)
    similarities = [similarity_text(competition, similarity(competition, own, combined)) for own in votes]
    rows = [[str(path), text] for path, text in zip(paths, similarities, strict=True)]
    console.table("agreement with the vote", ["file", similarity_title(competition)], rows)
    console.say(f"wrote {submission_csv(project.outputs)} with {len(ids)} rows, the vote of {len(votes)} files")


def _check_files(paths: list[Path], competition: Competition) -> None:
    """Raise InputError if there are fewer than two files, or if a file does not exist."""
    if len(paths) < 2:
        found = f"FILES names {len(paths)} file(s), but a vote needs several files"
        raise InputError(found, "two or more submission files", 'make vote FILES="<the best file> <another>"')
    missing = [path for path in paths if not path.is_file()]
    if missing:
        sample = competition.sample
        columns = ",".join((sample.id, *sample.columns)) if sample else "of the sample submission"
        raise InputError(
            f"there is no file {', no file '.join(map(str, missing))}",
            f"submission files with the columns {columns}",
            'first find the names with `ls`, then: make vote FILES="<the best file> <another>"',
        )
