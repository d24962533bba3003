"""Every submission with its cross-validated score (CV) and its leaderboard score (LB), and which two to select.

The user notes leaderboard scores with `make lb`. They lie in outputs/submissions/leaderboard.json under the hash of the
submission, so they stay with the file whatever is submitted later.

At the end of a competition two submissions are selected. The safe one has the best cross-validated score. The bold one
has the best leaderboard score among those whose answers differ from the safe one's: a second submission with nearly the
same answers would get nearly the same score.

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

FEWEST = 3  # submissions with both scores: with two every correlation is 1 or -1
FEW = 8  # with fewer, the 95 % interval of a correlation of 0.7 reaches below 0
OTHER_ROWS = 0.02  # the bold submission has another answer than the safe one in at least this share of rows
CORRELATION = 0.99  # or, if answers are numbers, their correlation is at most this
SHORT = 8  # letters of a hash: enough for FILE=
WIDTH = 30  # letters of a submission's source, at most

# ---- the stage


def note_or_show(project: Project, public: str, private: str, file: str) -> None:
    """Note the scores (as typed; empty for none) of a submission; without a score print all submissions.

    file: the submission, as `digest_of` takes it; empty for submission.csv.
    """
    metric = project.competition.metric
    given = [parsed_score(word, text, metric) for word, text in (("SCORE", public), ("PRIVATE", private))]
    rows = submitted(project)
    if not rows:
        raise InputError(f"no submission in {project.outputs} yet", "one that was made here", "make blend")
    if given != [None, None]:
        _note(project, file, *given)
    elif file:
        raise InputError(
            f"FILE={file} without a score",
            "SCORE=, or PRIVATE=, with it",
            f"make lb SCORE=<its score> FILE={shlex.quote(file)}",
        )
    else:
        show_leaderboard(project, rows)


def _note(project: Project, file: str, public: float | None, private: float | None) -> None:
    """Write the scores down, and say for which submission; warn of those that are replaced."""
    digest = digest_of(project.outputs, file) if file else _current_digest(project.outputs)
    before = note_score(project.outputs, digest, public, private)
    for name, value in (("public", public), ("private", private)):
        if value is not None and before.get(name) not in (None, value):
            console.warn(f"the {name} score {before[name]:g} of {before['noted']} is replaced")
    row = next(row for row in submitted(project) if row.digest == digest)
    scores = [f"{name} {value:g}" for name, value in (("public", public), ("private", private)) if value is not None]
    console.say(f"noted {', '.join(scores)} for {digest}.csv ({row.what}, made {row.made}); make lb shows all")


def _current_digest(outputs: Path) -> str:
    """The hash of submission.csv. Raises InputError if it is missing, or was not made here."""
    path = submission_csv(outputs)
    digest = files.digest(path) if path.is_file() else ""
    if not submission_file.is_kept(outputs, digest):
        found = f"{path} was edited: its hash is {digest}" if digest else f"no {path}"
        run = "make lb shows all, then the same command with FILE=<one of them>"
        raise InputError(found, "a submission that was made here", run)
    return digest


# ---- submissions and their scores


@dataclass(frozen=True)
class Submitted:
    """A submission. Its scores are values of the competition's metric, or None if they are not known.

    digest: its hash, which is the name of its files in submissions/. made: time in ISO format, UTC. what: its source in
    a few words. cross_validated: the out-of-fold score when it was made; interval: its 95 % interval. public, private:
    the leaderboard scores that were noted.
    """

    digest: str
    made: str
    what: str
    cross_validated: float | None = None
    interval: tuple[float, float] | None = None
    public: float | None = None
    private: float | None = None


def read_scores(outputs: Path) -> dict[str, dict]:
    """Hash of each submission with a noted score to {"public": …, "private": …, "noted": time}; a score may be None.

    Raises InputError if the file was damaged.
    """
    path = leaderboard_file(outputs)
    if not path.is_file():
        return {}
    return files.read_json(path, *_expected(path))["scores"]


def _expected(path: Path) -> tuple[str, str]:
    again = f"rm {shlex.quote(str(path))}, then note the scores again: make lb SCORE=<score> FILE=<its file>"
    return "the file as make lb wrote it", again


def note_score(outputs: Path, digest: str, public: float | None, private: float | None) -> dict:
    """Note the scores of the submission of that hash. Returns what was noted before, {} if nothing was.

    A score that is None keeps the one that was noted before.
    """
    scores = read_scores(outputs)
    before = scores.get(digest, {})
    given = {name: value for name, value in (("public", public), ("private", private)) if value is not None}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    scores[digest] = {"public": None, "private": None, **before, **given, "noted": now}
    files.write_json(leaderboard_file(outputs), {"scores": scores})
    return before


def submitted(project: Project) -> list[Submitted]:
    """Every submission, the oldest first. Raises InputError if a submission or the noted scores were damaged.

    cross_validated is None if the competition had another metric when the submission was made.
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
    """The source of a submission in a few words, from its record in submissions/."""
    if "files" in record:
        return f"vote of {len(record['files'])} files"
    rule = f" + {record['rule']}" if record.get("rule") else ""
    if record.get("run") == BLEND:
        return f"blend of {len(record.get('runs', ()))}: {record.get('method', '?')}{rule}"
    return f"run {record.get('run')}{rule}"


def digest_of(outputs: Path, wanted: str) -> str:
    """The hash of a submission from the first letters of its hash, or from the path of the file or of a copy.

    Raises InputError unless exactly one submission is meant.
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
        f"a file, or the first letters of its name; the last ones are {', '.join(known[-5:])}",
        "make lb shows all, then the same command with FILE=<one of them>",
    )


# ---- a score as the user types it


def parsed_score(word: str, text: str, metric: Metric) -> float | None:
    """The score of `word`=`text`, such as SCORE=0.7377; None for an empty text.

    Raises InputError for a text that is not a finite number, and for a value that the metric cannot have.
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
    """What a mistyped score may mean: with a decimal comma, or in percent, as some leaderboards show it."""
    number = finite_number(text.replace(",", ".").rstrip("% "))
    return [] if number is None else [number, number / 100]


def _range_text(low: float, high: float) -> str:
    if math.isinf(low):
        return ""
    return f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"


# ---- how well CV and leaderboard agree


@dataclass(frozen=True)
class Agreement:
    """How the scores of `count` submissions agree.

    pearson, spearman: correlations; None if all submissions have the same CV, or the same LB. interval: the 95 %
    interval of pearson; None for fewer than four submissions. gap, spread: mean and standard deviation of LB minus CV.
    """

    count: int
    pearson: float | None
    spearman: float | None
    interval: tuple[float, float] | None
    gap: float
    spread: float


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement | None:
    """The agreement of (cross-validated, leaderboard) scores; None for fewer than FEWEST pairs."""
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
    """Pearson's and Spearman's correlation."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None, None
    ranks = [pd.Series(scores).rank() for scores in (first, second)]
    return float(np.corrcoef(first, second)[0, 1]), float(np.corrcoef(*ranks)[0, 1])


def _interval(pearson: float | None, count: int) -> tuple[float, float] | None:
    """The 95 % interval of a correlation by Fisher's transformation (Fisher 1915)."""
    if pearson is None or count <= FEWEST:
        return None
    centre, error = np.arctanh(np.clip(pearson, -1 + 1e-9, 1 - 1e-9)), 1.96 / np.sqrt(count - 3)
    return float(np.tanh(centre - error)), float(np.tanh(centre + error))


# ---- which submissions to select


@dataclass(frozen=True)
class Choice:
    """A submission to select. kind: "safe" or "bold"; reason: why, in a few words."""

    row: Submitted
    kind: str
    reason: str


def final_choices(project: Project, rows: list[Submitted]) -> tuple[list[Choice], str]:
    """The submissions to select, and a text that says why there is no safe or no bold one; "" if there are both."""
    scored = [row for row in rows if row.cross_validated is not None]
    if not scored:
        return [], "no submission has a cross-validated score"
    better = project.competition.metric.shown
    safe = max(scored, key=lambda row: (better(row.cross_validated), row.made))
    chosen = [Choice(safe, "safe", f"the best cross-validated score ({safe.cross_validated:.4f})")]
    noted = [row for row in rows if row.public is not None and row != safe]
    if not noted:
        return chosen, "no bold one: no other submission has a leaderboard score"
    for row in sorted(noted, key=lambda row: (better(row.public), row.made), reverse=True):
        difference = _difference(project, safe, row)
        if difference:
            reason = f"the best LB ({row.public:.4f}) among other answers ({difference})"
            return [*chosen, Choice(row, "bold", reason)], ""
    return chosen, "no bold one: all with a leaderboard score have nearly the answers of the safe one"


def _difference(project: Project, safe: Submitted, other: Submitted) -> str:
    """How the answers of two submissions differ, in words; empty if they are nearly the same."""
    competition = project.competition
    paths = [submissions_folder(project.outputs) / f"{row.digest}.csv" for row in (safe, other)]
    try:
        ids = tables.read_raw_csv(paths[0], (competition.sample.id,), "make sub").column(competition.sample.id)
        first, second = [submission_file.read_answers(path, competition, ids) for path in paths]
    except InputError:
        return "other rows"  # one of them was made for another sample submission
    value = similarity(competition, first, second)
    if answers_are_numbers(competition):
        return f"correlation {value:.3f}" if value <= CORRELATION else ""
    return f"{1 - value:.1%} of rows differ" if 1 - value >= OTHER_ROWS else ""


# ---- what `make lb` prints


def show_leaderboard(project: Project, rows: list[Submitted]) -> None:
    """Print the table of submissions, at least one, how CV and LB agree, and which submissions to select.

    Nothing is selected once a private score is noted: the competition is over.
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
        console.say("note a score: make lb SCORE=<score> FILE=<as in the table>")


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
    """Day and local time of a time in ISO format."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return "-"


def _score_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _show_agreement(pairs: list[tuple[float | None, float | None]], name: str) -> None:
    """Print the correlation of both scores, or what it needs."""
    both = [pair for pair in pairs if None not in pair]
    agreed = agreement(both)
    if agreed is None:
        console.say(f"CV and {name}: {len(both)} submission(s) have both, a correlation needs {FEWEST}")
        return
    if agreed.pearson is None:
        console.say(f"CV and {name}: no correlation, because all values of one of them are the same")
    else:
        interval = f" (95 % {agreed.interval[0]:.2f} to {agreed.interval[1]:.2f})" if agreed.interval else ""
        console.say(
            f"CV and {name}: Pearson {agreed.pearson:.2f}{interval}, Spearman {agreed.spearman:.2f}, "
            f"of {agreed.count} submissions"
        )
        if agreed.count < FEW:
            console.say(f"{agreed.count} submissions are too few for a correlation to mean much")
    console.say(f"{name} - CV: {agreed.gap:+.4f} on average, standard deviation {agreed.spread:.4f}")
