"""All submissions with their cross-validated scores (CV) and leaderboard scores (LB), and the two to select at the end.

The user notes leaderboard scores with `make lb`. The scores are stored in outputs/submissions/leaderboard.json under
the hash of the submission, so a score stays with its file when other files are submitted later.

At the end of a competition two submissions are selected. The safe submission has the best cross-validated score. The
bold submission has the best leaderboard score among the submissions whose answers differ from the safe submission. A
second submission with nearly the same answers would get nearly the same score.

The correlations are computed here, and not by scipy.stats, whose import takes longer than all of `make lb`.
"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console, files, tables
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics.metric import Metric
from comp.project import Project
from comp.store.paths import BLEND, leaderboard_file, submission_csv, submissions_folder
from comp.submission import submission_file
from comp.submission.answer_report import answers_are_numbers, similarity
from comp.text import finite_number

FEWEST = 3  # fewest submissions for a correlation: with two submissions every correlation is 1 or -1
FEW = 8  # with fewer submissions, the 95 % interval of a correlation of 0.7 reaches below 0
OTHER_ROWS = 0.02  # the answers of the bold and the safe submission differ in at least this share of rows
CORRELATION = 0.99  # largest correlation of the bold and the safe submission, if answers are numbers
SHORT = 8  # letters of a hash in the table, which are enough for FILE=
WIDTH = 30  # most letters of a submission's source in the table

# ---- the stage


def note_or_show(project: Project, public: str, private: str, file: str) -> None:
    """Note the scores of a submission, or print all submissions if no score is given.

    public, private: the leaderboard scores as the user typed them; an empty text means no score. file: the submission
    as `digest_of` takes it; an empty text means submission.csv.
    """
    metric = project.competition.metric
    given = [parsed_score(word, text, metric) for word, text in (("SCORE", public), ("PRIVATE", private))]
    rows = submitted(project)
    if not rows:
        found = f"no submission in {project.outputs} yet"
        raise InputError(found, "a submission that was made here", "make blend")
    if given != [None, None]:
        _note(project, file, *given)
    elif file:
        raise InputError(
            f"FILE={file} without a score",
            "SCORE= or PRIVATE= together with FILE=",
            f"make lb SCORE=<its score> FILE={shlex.quote(file)}",
        )
    else:
        show_leaderboard(project, rows)


def _note(project: Project, file: str, public: float | None, private: float | None) -> None:
    """Store the scores and print the submission that they belong to. Warn if an earlier score is replaced."""
    digest = digest_of(project.outputs, file) if file else _current_digest(project.outputs)
    before = note_score(project.outputs, digest, public, private)
    for name, value in (("public", public), ("private", private)):
        if value is not None and before.get(name) not in (None, value):
            console.warn(f"the {name} score {before[name]:g}, noted at {before['noted']}, is replaced")
    row = next(row for row in submitted(project) if row.digest == digest)
    scores = [f"{name} {value:g}" for name, value in (("public", public), ("private", private)) if value is not None]
    console.say(f"noted {', '.join(scores)} for {digest}.csv ({row.what}, made {row.made}); make lb shows all")


def _current_digest(outputs: Path) -> str:
    """The hash of submission.csv. Raises InputError if the file is missing, or was not made here."""
    path = submission_csv(outputs)
    digest = files.digest(path) if path.is_file() else ""
    if not submission_file.is_kept(outputs, digest):
        found = f"{path} was edited: no submission was made here with its hash {digest}" if digest else f"no {path}"
        run = "make lb, which lists all submissions, then the same command with FILE=<one of them>"
        raise InputError(found, "a submission that was made here", run)
    return digest


# ---- submissions and their scores


@dataclass(frozen=True)
class Submitted:
    """A submission and its scores, which are values of the competition's metric or None if they are not known.

    digest: the hash of the submission, which is the name of its files in submissions/. made: when it was made, as a UTC
    time in ISO format. what: a few words on its source. cross_validated: the out-of-fold score at the time when it was
    made. interval: the 95 % interval of cross_validated. public, private: the leaderboard scores that were noted.
    """

    digest: str
    made: str
    what: str
    cross_validated: float | None = None
    interval: tuple[float, float] | None = None
    public: float | None = None
    private: float | None = None


def read_scores(outputs: Path) -> dict[str, dict]:
    """The hash and the noted scores of each submission that has a noted score.

    The noted scores are {"public": …, "private": …, "noted": time}, where a score may be None. Raises InputError if
    leaderboard.json was damaged.
    """
    path = leaderboard_file(outputs)
    if not path.is_file():
        return {}
    return files.read_json(path, *_expected(path))["scores"]


def _expected(path: Path) -> tuple[str, str]:
    again = f"rm {shlex.quote(str(path))}, then for each score make lb SCORE=<score> FILE=<its file>"
    return "the file as make lb wrote it", again


def note_score(outputs: Path, digest: str, public: float | None, private: float | None) -> dict:
    """Note the scores of the submission with the hash `digest`.

    Returns the entry of `read_scores` from before, or {} if there was none. If a score is None, an earlier score of the
    submission stays.
    """
    scores = read_scores(outputs)
    before = scores.get(digest, {})
    given = {name: value for name, value in (("public", public), ("private", private)) if value is not None}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    scores[digest] = {"public": None, "private": None, **before, **given, "noted": now}
    files.write_json(leaderboard_file(outputs), {"scores": scores})
    return before


def submitted(project: Project) -> list[Submitted]:
    """All submissions, the oldest first. Raises InputError if a submission or leaderboard.json was damaged.

    The cross-validated score of a submission is None if the competition had another metric when it was made.
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
    """A few words on the source of a submission. record: its JSON file in submissions/."""
    if "files" in record:
        return f"vote of {len(record['files'])} files"
    rule = f" + {record['rule']}" if record.get("rule") else ""
    if record.get("run") == BLEND:
        return f"blend of {len(record.get('runs', ()))}: {record.get('method', '?')}{rule}"
    return f"run {record.get('run')}{rule}"


def digest_of(outputs: Path, wanted: str) -> str:
    """The hash of the submission that the user means.

    wanted: the first letters of the hash, or the path of the submission file or of a copy. Raises InputError unless
    `wanted` fits exactly one submission.
    """
    known = [record["file"].removesuffix(".csv") for record in submission_file.kept_submissions(outputs)]
    path = Path(wanted).expanduser()
    start = files.digest(path) if path.is_file() else path.name.removesuffix(".csv").lower()
    matching = [digest for digest in known if start and digest.startswith(start)]
    if len(matching) == 1:
        return matching[0]
    problem = (
        f"{len(matching)} submissions begin with {wanted}" if matching else f"no submission {wanted} was made here"
    )
    if not known:
        raise InputError(problem, "a submission that was made here", "make blend")
    raise InputError(
        problem,
        f"a submission file, or the first letters of its hash; the latest hashes are {', '.join(known[-5:])}",
        "make lb, which lists all submissions, then the same command with FILE=<one of them>",
    )


# ---- a score as the user types it


def parsed_score(word: str, text: str, metric: Metric) -> float | None:
    """The score in `text`, or None if the text is empty. word: the option of the text, such as SCORE in SCORE=0.7377.

    Raises InputError if the text is not a finite number, or if the metric cannot have this value.
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
    """The numbers that a mistyped score may mean: a number with a decimal comma, or a percentage."""
    number = finite_number(text.replace(",", ".").rstrip("% "))
    return [] if number is None else [number, number / 100]


def _range_text(low: float, high: float) -> str:
    if math.isinf(low):
        return ""
    return f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"


# ---- how well cross-validated and leaderboard scores agree


@dataclass(frozen=True)
class Agreement:
    """The agreement between the CV and the LB scores of `count` submissions.

    pearson, spearman: correlations, or None if all CV scores or all LB scores are equal. interval: the 95 % interval of
    pearson, or None if there are fewer than four submissions. gap, spread: the mean and the standard deviation of LB
    minus CV.
    """

    count: int
    pearson: float | None
    spearman: float | None
    interval: tuple[float, float] | None
    gap: float
    spread: float


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement | None:
    """The agreement of pairs (CV score, LB score), or None if there are fewer than FEWEST pairs."""
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
    )


def _correlations(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Pearson's and Spearman's correlation of scores (n,) and (n,), or None twice if all scores of one are equal."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None, None
    ranks = [pd.Series(scores).rank() for scores in (first, second)]
    return float(np.corrcoef(first, second)[0, 1]), float(np.corrcoef(*ranks)[0, 1])


def _interval(pearson: float | None, count: int) -> tuple[float, float] | None:
    """The 95 % interval of a correlation of `count` pairs, by Fisher's transformation (Fisher 1915)."""
    if pearson is None or count <= FEWEST:
        return None
    centre, error = np.arctanh(np.clip(pearson, -1 + 1e-9, 1 - 1e-9)), 1.96 / np.sqrt(count - 3)
    return float(np.tanh(centre - error)), float(np.tanh(centre + error))


# ---- which submissions to select


@dataclass(frozen=True)
class Choice:
    """A submission to select. kind: "safe" or "bold". reason: a few words on why it is selected."""

    row: Submitted
    kind: str
    reason: str


def final_choices(project: Project, rows: list[Submitted]) -> tuple[list[Choice], str]:
    """The submissions to select, and a text that says which submission is missing and why.

    The text is empty if there are a safe and a bold submission.
    """
    scored = [row for row in rows if row.cross_validated is not None]
    if not scored:
        return [], "no submission has a cross-validated score"
    better = project.competition.metric.shown
    safe = max(scored, key=lambda row: (better(row.cross_validated), row.made))
    chosen = [Choice(safe, "safe", f"the best cross-validated score ({safe.cross_validated:.4f})")]
    noted = [row for row in rows if row.public is not None and row != safe]
    if not noted:
        return chosen, "no bold submission is selected, because no other submission has a leaderboard score"
    for row in sorted(noted, key=lambda row: (better(row.public), row.made), reverse=True):
        difference = _difference(project, safe, row)
        if difference:
            reason = f"the best LB ({row.public:.4f}) with other answers ({difference})"
            return [*chosen, Choice(row, "bold", reason)], ""
    alike = "all submissions with a leaderboard score have nearly the answers of the safe one"
    return chosen, f"no bold submission is selected, because {alike}"


def _difference(project: Project, safe: Submitted, other: Submitted) -> str:
    """A text on how the answers of two submissions differ, or an empty text if they are nearly equal."""
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
    """Print the table of submissions, the agreement of CV and LB, and the submissions to select.

    rows: at least one submission. After a private score is noted the competition is over, so nothing is selected.
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
        console.say("to note a score, run make lb SCORE=<score> FILE=<as in the table>")


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
    console.table(f"submissions, {name} (CV: when it was made, LB: leaderboard)", columns, cells)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _when(time: str) -> str:
    """The ISO time `made` as a day and a local time, or "-" if it cannot be read."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return "-"


def _score_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _show_agreement(pairs: list[tuple[float | None, float | None]], name: str) -> None:
    """Print the agreement of CV scores with other scores, or how many submissions it needs. name: "LB" or "private"."""
    both = [pair for pair in pairs if None not in pair]
    agreed = agreement(both)
    if agreed is None:
        console.say(f"CV and {name}: {len(both)} submission(s) have both scores, but a correlation needs {FEWEST}")
        return
    if agreed.pearson is None:
        console.say(f"CV and {name}: no correlation, because all CV scores or all {name} scores are equal")
    else:
        interval = f" (95 % {agreed.interval[0]:.2f} to {agreed.interval[1]:.2f})" if agreed.interval else ""
        console.say(
            f"CV and {name}: Pearson {agreed.pearson:.2f}{interval}, Spearman {agreed.spearman:.2f}, "
            f"of {agreed.count} submissions"
        )
        if agreed.count < FEW:
            console.say(f"{agreed.count} submissions are too few for a correlation to mean much")
    console.say(f"{name} - CV: {agreed.gap:+.4f} on average, standard deviation {agreed.spread:.4f}")
