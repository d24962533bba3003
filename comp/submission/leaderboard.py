"""The command `make lb`: save leaderboard scores, list all submissions, and say which two submissions to select.

The scores that the user gives are saved in outputs/submissions/leaderboard.json with the hash of the submission, so a
score stays with its submission when others are made later. The list compares cross-validated scores (CV) with
leaderboard scores (LB).

At the end of a competition two submissions are selected. The safe submission has the best cross-validated score. The
bold submission has the best leaderboard score among the submissions whose answers differ from the safe submission. The
two must differ, because nearly the same answers would get nearly the same score.

The correlations are computed without scipy.stats, because its import takes longer than all the rest of `make lb`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console, files, tables
from comp.competition.competition import Competition
from comp.console import score_text
from comp.errors import InputError, quoted
from comp.metrics.metric import Metric
from comp.project import Project
from comp.store.paths import BLEND, leaderboard_file, submission_csv, submissions_folder
from comp.submission import submission_file
from comp.submission.answer_report import answers_are_numbers, similarity
from comp.text import finite_number

FEWEST = 3  # fewest submissions for a correlation; for two submissions it is always 1 or -1
FEW = 8  # if there are fewer submissions, the 95 % interval of a correlation of 0.7 reaches below 0
OTHER_ROWS = 0.02  # at least this share of rows differs between the bold and the safe submission
CORRELATION = 0.99  # the correlation between the bold and the safe submission is at most this, if answers are numbers
SHORT = 8  # the table shows this many letters of a hash, which are enough for FILE=
WIDTH = 30  # the table shows at most this many letters of a submission's source

# ---- the stage


def note_or_show(project: Project, public: str, private: str, file: str) -> None:
    """Save the leaderboard scores of a submission, or print all submissions if no score is given.

    public, private: the scores on the public and the private leaderboard as the user typed them, or "" for no score.
    file: the path of the submission or the first letters of its hash, or "" for submission.csv.
    """
    metric = project.competition.metric
    given = [parsed_score(word, text, metric) for word, text in (("SCORE", public), ("PRIVATE", private))]
    rows = submitted(project)
    if not rows:
        found = f"there is no submission in {project.outputs} yet"
        raise InputError(found, "a submission that was made in this outputs folder", "make blend")
    if given != [None, None]:
        _note(project, file, *given)
    elif file:
        raise InputError(
            f"FILE={file} is given without a score",
            "SCORE=<the score> or PRIVATE=<the score> together with FILE",
            f"make lb SCORE=<its score> FILE={quoted(file)}",
        )
    else:
        show_leaderboard(project, rows)


def _note(project: Project, file: str, public: float | None, private: float | None) -> None:
    """Save the leaderboard scores of a submission, and print them. Warn if an earlier score is replaced.

    file: the path of the submission or the first letters of its hash, or "" for submission.csv; public, private: the
    scores on the public and the private leaderboard, or None for no score.
    """
    digest = digest_of(project.outputs, file) if file else _current_digest(project.outputs)
    before = note_score(project.outputs, digest, public, private)
    for name, value in (("public", public), ("private", private)):
        if value is not None and before.get(name) not in (None, value):
            console.warn(f"the {name} score {before[name]:g}, noted at {before['noted']}, is replaced")
    row = next(row for row in submitted(project) if row.digest == digest)
    scores = [f"{name} {value:g}" for name, value in (("public", public), ("private", private)) if value is not None]
    console.say(f"noted {', '.join(scores)} for {digest}.csv ({row.what}, made {row.made}); `make lb` shows all scores")


def _current_digest(outputs: Path) -> str:
    """Return the hash of submission.csv. Raises InputError if the file is missing or was edited."""
    path = submission_csv(outputs)
    digest = files.digest(path) if path.is_file() else ""
    if not submission_file.is_kept(outputs, digest):
        edited = f"{path} was edited: its hash {digest} is not the hash of any submission in submissions/"
        found = edited if digest else f"there is no file {path}"
        run = "first `make lb`, which lists all submissions, then the same command with FILE=<one of them>"
        raise InputError(found, "a submission that was made in this outputs folder", run)
    return digest


# ---- submissions and their scores


@dataclass(frozen=True)
class Submitted:
    """A submission and its scores. A score is a value of the competition's metric, or None if it is not known.

    digest: the hash of the submission file, which is also its name in outputs/submissions/.
    made: when the submission was made, as UTC time in ISO format.
    what: a short text on what the submission was made from, such as "run r34".
    cross_validated: the out-of-fold score at the time when the submission was made.
    interval: the 95 % interval of `cross_validated`, or None.
    public, private: the scores on the public and the private leaderboard.
    """

    digest: str
    made: str
    what: str
    cross_validated: float | None = None
    interval: tuple[float, float] | None = None
    public: float | None = None
    private: float | None = None


def read_scores(outputs: Path) -> dict[str, dict]:
    """Return the saved leaderboard scores, as a dictionary from the hash of a submission to its scores.

    The scores of a submission are {"public": …, "private": …, "noted": time of saving}, where a score may be None.
    Raises InputError if leaderboard.json was damaged.
    """
    path = leaderboard_file(outputs)
    if not path.is_file():
        return {}
    return files.read_json(path, *_expected(path))["scores"]


def _expected(path: Path) -> tuple[str, str]:
    again = f"first rm {quoted(path)}, then for each score: make lb SCORE=<score> FILE=<submission>"
    return "the file as `make lb` wrote it", again


def note_score(outputs: Path, digest: str, public: float | None, private: float | None) -> dict:
    """Save the scores of a submission in leaderboard.json. Return its earlier scores, or {} if it had none.

    digest: the hash of the submission; public, private: the new scores on the public and the private leaderboard, or
    None to keep the earlier score. The earlier scores are {"public": …, "private": …, "noted": time of saving}.
    """
    scores = read_scores(outputs)
    before = scores.get(digest, {})
    given = {name: value for name, value in (("public", public), ("private", private)) if value is not None}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    scores[digest] = {"public": None, "private": None, **before, **given, "noted": now}
    files.write_json(leaderboard_file(outputs), {"scores": scores})
    return before


def submitted(project: Project) -> list[Submitted]:
    """Return all submissions with their scores, the oldest first.

    A submission that was made for another metric has no cross-validated score. Raises InputError if the file of a
    submission or leaderboard.json was damaged.
    """
    noted = read_scores(project.outputs)
    records = submission_file.kept_submissions(project.outputs)
    return [_row_of(record, noted, project.competition) for record in records]


def _row_of(record: dict, noted: dict[str, dict], competition: Competition) -> Submitted:
    digest = record["file"].removesuffix(".csv")
    scores = noted.get(digest, {})
    same = record.get("metric") == competition.metric.name
    interval = record.get("interval_95") if same else None
    return Submitted(
        digest=digest,
        made=str(record.get("made", "")),
        what=described_submission(record),
        cross_validated=record.get("cross_fitted") if same else None,
        interval=tuple(interval) if interval else None,
        public=scores.get("public"),
        private=scores.get("private"),
    )


def described_submission(record: dict) -> str:
    """Return a short text on what a submission was made from, such as "run r34".

    record: the content of the submission's JSON file in outputs/submissions/.
    """
    if "files" in record:
        return f"vote of {len(record['files'])} files"
    rule = f" + {record['rule']}" if record.get("rule") else ""
    if record.get("run") == BLEND:
        return f"blend of {len(record.get('runs', ()))}: {record.get('method', '?')}{rule}"
    return f"run {record.get('run')}{rule}"


def digest_of(outputs: Path, wanted: str) -> str:
    """Return the hash of the submission that the user means by `wanted`.

    wanted: the first letters of the hash, or the path of the submission file or of a copy of this file. Raises
    InputError unless exactly one submission fits.
    """
    known = [record["file"].removesuffix(".csv") for record in submission_file.kept_submissions(outputs)]
    path = Path(wanted)
    start = files.digest(path) if path.is_file() else path.name.removesuffix(".csv").lower()
    matching = [digest for digest in known if start and digest.startswith(start)]
    if len(matching) == 1:
        return matching[0]
    problem = (
        f"{len(matching)} submissions have a hash that begins with {start}"
        if matching
        else f"there is no submission {wanted}"
    )
    if not known:
        raise InputError(problem, "a submission that was made in this outputs folder", "make blend")
    raise InputError(
        problem,
        f"a submission file, or the first letters of its hash; the latest hashes are {', '.join(known[-5:])}",
        "first `make lb`, which lists all submissions, then the same command with FILE=<one of them>",
    )


# ---- a score as the user types it


def parsed_score(word: str, text: str, metric: Metric) -> float | None:
    """Return the score that the user typed, or None if the text is empty.

    word: the name of the option, such as SCORE in SCORE=0.7377; text: the value of the option; metric: the metric of
    the score. Raises InputError if the text is not a finite number, or if the metric cannot have this value.
    """
    if not text.strip():
        return None
    number = finite_number(text)
    low, high = metric.limits
    if number is not None and low <= number <= high:
        return number
    problem = "is not a number" if number is None else f"is not a possible value of {metric.name}"
    meant = next((f"{value:.10g}" for value in _other_readings(text) if low <= value <= high), "<the score>")
    expected = f"the score as a number{_range_text(low, high)}"
    raise InputError(f"{word}={text} {problem}", expected, f"the same command with {word}={meant}")


def _other_readings(text: str) -> list[float]:
    """Return the numbers that a mistyped score may mean: the number itself, then the number divided by 100.

    A comma is read as a decimal point. The second number is for a score typed in percent. If the text is not a number,
    the result is [].
    """
    number = finite_number(text.replace(",", ".").rstrip("% "))
    return [] if number is None else [number, number / 100]


def _range_text(low: float, high: float) -> str:
    if math.isinf(low):
        return ""
    return f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"


# ---- the agreement of cross-validated and leaderboard scores


@dataclass(frozen=True)
class Agreement:
    """How well cross-validated scores (CV) and leaderboard scores (LB) agree.

    count: the number of submissions that have both scores.
    pearson, spearman: the correlations of the scores, or None if all CV scores or all LB scores are equal.
    interval: the 95 % interval of `pearson`, or None if `pearson` is None or there are fewer than four submissions.
    gap, spread: the mean and the standard deviation of LB minus CV.
    scale: the mean of the absolute CV scores.
    """

    count: int
    pearson: float | None
    spearman: float | None
    interval: tuple[float, float] | None
    gap: float
    spread: float
    scale: float = 1.0


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement | None:
    """Return how well CV and LB scores agree, or None if there are fewer than FEWEST pairs.

    pairs: the cross-validated score (CV) and the leaderboard score (LB) of each submission.
    """
    if len(pairs) < FEWEST:
        return None
    cross_validated, leaderboard = np.array(pairs, np.float64).T
    pearson, spearman = _correlations(cross_validated, leaderboard)
    differences = leaderboard - cross_validated
    return Agreement(
        len(pairs),
        pearson,
        spearman,
        _interval(pearson, len(pairs)),
        float(differences.mean()),
        float(differences.std(ddof=1)),
        float(np.abs(cross_validated).mean()),
    )


def _correlations(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Return Pearson's and Spearman's correlation of two arrays (n,), or (None, None) if an array is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None, None
    ranks = [pd.Series(scores).rank() for scores in (first, second)]
    return float(np.corrcoef(first, second)[0, 1]), float(np.corrcoef(*ranks)[0, 1])


def _interval(pearson: float | None, count: int) -> tuple[float, float] | None:
    """Return the 95 % interval of Pearson's correlation, or None if it is not known or if there are too few pairs.

    pearson: the correlation, or None; count: the number of pairs. The interval uses Fisher's transformation (Fisher
    1915).
    """
    if pearson is None or count <= 3:
        return None
    centre, error = np.arctanh(np.clip(pearson, -1 + 1e-9, 1 - 1e-9)), 1.96 / np.sqrt(count - 3)
    return float(np.tanh(centre - error)), float(np.tanh(centre + error))


# ---- which submissions to select


@dataclass(frozen=True)
class Choice:
    """A submission to select. row: the submission; kind: "safe" or "bold"; reason: why it is selected."""

    row: Submitted
    kind: str
    reason: str


def final_choices(project: Project, rows: list[Submitted]) -> tuple[list[Choice], str]:
    """Return the submissions to select, and a text that says why the safe or the bold submission is missing.

    rows: all submissions. The safe submission has the best cross-validated score. The bold submission has the best
    leaderboard score among the submissions whose answers differ from the safe submission. The text is "" if neither is
    missing.
    """
    scored = [row for row in rows if row.cross_validated is not None]
    if not scored:
        return [], "no submission has a cross-validated score"
    better = project.competition.metric.shown
    safe = max(scored, key=lambda row: (better(row.cross_validated), row.made))
    chosen = [Choice(safe, "safe", f"best cross-validated score ({score_text(safe.cross_validated)})")]
    noted = [row for row in rows if row.public is not None and row != safe]
    if not noted:
        return chosen, "no bold submission is selected, because no other submission has a leaderboard score"
    for row in sorted(noted, key=lambda row: (better(row.public), row.made), reverse=True):
        difference = _difference(project, safe, row)
        if difference:
            reason = f"best LB ({score_text(row.public)}) of those unlike safe ({difference})"
            return [*chosen, Choice(row, "bold", reason)], ""
    alike = "all submissions with a leaderboard score have nearly the same answers as the safe submission"
    return chosen, f"no bold submission is selected, because {alike}"


def _difference(project: Project, safe: Submitted, other: Submitted) -> str:
    """Return a text that says how much the answers of two submissions differ, or "" if they are nearly equal."""
    competition = project.competition
    paths = [submissions_folder(project.outputs) / f"{row.digest}.csv" for row in (safe, other)]
    try:
        ids = tables.read_raw_csv(paths[0], (competition.sample.id,), "make sub").column(competition.sample.id)
        first, second = [submission_file.read_answers(path, competition, ids) for path in paths]
    except InputError:
        return "other rows"  # one of the submissions was made for another sample submission
    value = similarity(competition, first, second)
    if answers_are_numbers(competition):
        return f"correlation {value:.3f}" if value <= CORRELATION else ""
    return f"{1 - value:.1%} of rows differ" if 1 - value >= OTHER_ROWS else ""


# ---- what `make lb` prints


def show_leaderboard(project: Project, rows: list[Submitted]) -> None:
    """Print a table of all submissions, how well CV and LB scores agree, and which submissions to select.

    rows: all submissions, at least one. If a private score has been saved, the competition is over, and no submission
    is selected.
    """
    over = any(row.private is not None for row in rows)
    chosen, problem = ([], "") if over else final_choices(project, rows)
    _show_table(rows, project.competition, chosen, over)
    _show_agreement([(row.cross_validated, row.public) for row in rows], "LB")
    if over:
        _show_agreement([(row.cross_validated, row.private) for row in rows], "private")
    for choice in chosen:
        console.say(f"{choice.kind}: {choice.row.digest[:SHORT]}, {choice.reason}")
    if problem:
        console.say(problem)
    if any(row.public is None for row in rows):
        console.say("to note a score, run: make lb SCORE=<score> FILE=<file in the table>")


def _show_table(rows: list[Submitted], competition: Competition, chosen: list[Choice], over: bool) -> None:
    select = {choice.row: choice.kind for choice in chosen}
    columns = ["submission of", "file", "made", "CV", "LB", *(["private"] if over else ["select"])]
    cells = [
        [
            _cut(row.what),
            row.digest[:SHORT],
            _when(row.made),
            _score_text(row.cross_validated),
            _score_text(row.public),
            _score_text(row.private) if over else select.get(row, ""),
        ]
        for row in rows
    ]
    metric = competition.metric
    name = metric.name if metric.higher_is_better else f"{metric.name}, lower is better"
    console.table(f"submissions, {name} (CV: cross-validated, LB: leaderboard)", columns, cells)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _when(time: str) -> str:
    """Return a time in ISO format as a day and a local time, such as "07 Mar 15:30", or "-" if it is not a time."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return "-"


def _score_text(value: float | None) -> str:
    return "-" if value is None else score_text(value)


def _show_agreement(pairs: list[tuple[float | None, float | None]], name: str) -> None:
    """Print how well cross-validated scores (CV) and leaderboard scores agree, or that there are too few submissions.

    pairs: the CV score and the leaderboard score of each submission, or None for a score that is not known; name: "LB"
    for the public leaderboard, or "private".
    """
    both = [pair for pair in pairs if None not in pair]
    agreed = agreement(both)
    if agreed is None:
        console.say(f"CV and {name}: {len(both)} submission(s) have both scores; a correlation needs at least {FEWEST}")
        return
    if agreed.pearson is None:
        console.say(f"CV and {name} have no correlation, because all CV scores or all {name} scores are equal")
    else:
        interval = f" (95 % {agreed.interval[0]:.2f} to {agreed.interval[1]:.2f})" if agreed.interval else ""
        console.say(
            f"CV and {name} of {agreed.count} submissions: Pearson {agreed.pearson:.2f}{interval}, "
            f"Spearman {agreed.spearman:.2f}"
        )
        if agreed.count < FEW:
            console.say(f"{agreed.count} submissions are too few for a correlation to mean much")
    console.say(
        f"{name} minus CV: {score_text(agreed.gap, agreed.scale, '+')} on average, standard deviation "
        f"{score_text(agreed.spread, agreed.scale)}"
    )
