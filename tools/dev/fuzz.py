"""Draw small random competitions, run all stages on each, and check what they write with code of its own.

reads   nothing, because fuzzing/competition.py draws the competitions
writes  only files in the folder --work: a folder for each seed, which is deleted again unless --keep is given

Each seed gives one competition, with odd names, tables, layouts or values. The stages run as a user would run them:
`make init`, folds, train, blend and sub, with a tiny model. Where init cannot know the answer, or guesses it wrongly in
a line with CHECK, a competition.toml is written that describes what was drawn. A run may end in two ways: with a
submission.csv that is right or, if something drawn is not harmless, with one error whose advice leads further. All else
is a find: a traceback, a stage that hangs, a wrong file, an ordinary competition that is refused, a wrong guess without
CHECK. The exit code is 1 if there is any find.
"""

import argparse
import contextlib
import importlib
import json
import os
import random
import re
import runpy
import select
import shlex
import shutil
import signal
import sys
import time
import tomllib
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.competition import draw
from fuzzing.judge import judge_folds, judge_submission, wrong_guesses

ROOT = Path(__file__).parents[2]
SET = "pretrained=false image_size=32 batch_size=16 epochs=1 patience=0 workers=0"
TRAIN = ("RUN=r", f"SET={SET}", "DEVICE=cpu")
SCRIPTS = {
    "init": "init_competition", "folds": "make_folds", "train": "train_fold", "predict": "predict_fold",
    "blend": "blend", "sub": "make_sub", "status": "status", "scores": "scores", "eda": "eda", "board": "board",
    "report": "report",
}  # fmt: skip
SIDE = ("status", "scores", "eda", "board", "report")  # one of them runs after some submissions
IMPORTED = ("timm", "albumentations", "comp.training.train_stage", "comp.blending.blend_stage", "comp.data.write_folds",
            "comp.submission.answer_report", "comp.prediction.predict", "comp.inputs.guess_competition")  # fmt: skip
MODULES = "modules.txt"  # names of the modules that a stage has imported besides those of its parent
SHOWN = 12  # lines of output that are printed with a find


@dataclass
class Find:
    kind: str
    stage: str
    text: str


@dataclass
class Ended:
    """How the run of one seed ended: with a submission or with an error (its first words), and the finds."""

    seed: int
    odd: list[str]
    submission: bool = False
    error: str = ""
    finds: list[Find] = field(default_factory=list)


class Stop(Exception):
    """The run of a seed cannot go on."""


def main() -> None:
    args = arguments()
    for name in IMPORTED:
        importlib.import_module(name)
    args.work.mkdir(parents=True, exist_ok=True)
    began, ends = time.monotonic(), []
    seed = args.seed if args.only is None else args.only
    while time.monotonic() - began < 60 * args.minutes:
        ends.append(Run(seed, args).ended())
        for find in ends[-1].finds:
            print(f"FIND seed {seed} stage {find.stage}: {find.kind}")
            print(f"  drawn: {'; '.join(ends[-1].odd) or 'nothing odd'}\n{indented(find.text)}", flush=True)
        if args.only is not None:
            break
        seed += 1
    show_summary(ends, (time.monotonic() - began) / 60)
    sys.exit(any(end.finds for end in ends))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("outputs/fuzz"), help="folder to work in")
    parser.add_argument("--minutes", type=float, default=10, help="how long new seeds are begun")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=int, help="run this seed alone")
    parser.add_argument("--until", choices=("folds", "sub"), default="sub", help="the last stage")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all seeds")
    parser.add_argument("--model", default="resnet10t", help="a small model of timm")
    parser.add_argument("--limit", type=float, default=120, help="most seconds that a stage may take")
    return parser.parse_args()


def indented(text: str) -> str:
    return "\n".join(f"    {line[:300]}" for line in text.strip().splitlines()[-SHOWN:])


def show_summary(ends: list[Ended], minutes: float) -> None:
    submissions = sum(end.submission for end in ends)
    finds = [(find.kind, end.seed) for end in ends for find in end.finds]
    errors = [(end.error, end.seed) for end in ends if end.error]
    counts = f"{submissions} submissions, {len(errors)} errors, {len(finds)} finds"
    print(f"\n{len(ends)} runs in {minutes:.1f} minutes: {counts}")
    for title, pairs in (("errors", errors), ("finds", finds)):
        print(f"{title} by kind:")
        for kind, count in Counter(kind for kind, _ in pairs).most_common():
            seeds = [str(seed) for name, seed in pairs if name == kind]
            print(f"  {count:4} {kind}  (seeds {', '.join(seeds[:6])}{', …' if len(seeds) > 6 else ''})")


# ---- one stage, in a child of this process


@dataclass
class Done:
    """What a stage printed, and its exit code: None if it did not end in time."""

    code: int | None
    out: str
    err: str


def forked(work, folder: Path, limit: float) -> Done:
    """Call a function in a child of this process, which has all modules imported. work: returns the exit code."""
    paths = [folder / name for name in ("stdout.txt", "stderr.txt")]
    pid = os.fork()
    if not pid:
        _child(work, folder, paths)
    watched = os.pidfd_open(pid)
    ended = select.select([watched], [], [], limit)[0]
    os.close(watched)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    out, err = (path.read_bytes().decode("utf-8", "surrogateescape") for path in paths)
    return Done(os.waitstatus_to_exitcode(status) if ended else None, out, err)


def _child(work, folder: Path, paths: list[Path]):
    code = 1
    try:
        os.setsid()
        for number, path in enumerate(paths, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        os.chdir(folder)
        code = work()
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def run_script(name: str, words: list[str]) -> int:
    script = ROOT / "tools" / f"{name}.py"
    sys.argv, sys.path[0] = [str(script), *words], str(script.parent)
    known = {*sys.modules}
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        Path(MODULES).write_text("\n".join(sorted({*sys.modules} - known)), encoding="utf-8")
    return 0


def import_too(file: Path) -> None:
    """Import the modules that a child had to import, so that the next children share them."""
    names = file.read_text(encoding="utf-8").split() if file.is_file() else []
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


# ---- the run of a seed


class Run:
    """The stages of one seed, in a folder of its own."""

    def __init__(self, seed: int, args: argparse.Namespace):
        self.drawn, self.args = draw(seed), args
        self.end = Ended(seed, self.drawn.odd)
        self.folder = (args.work / f"seed{seed}").resolve()
        self.inputs, self.outputs = self.folder / self.drawn.inputs, self.folder / self.drawn.outputs
        self.chance = random.Random(f"run {seed}")
        shutil.rmtree(self.folder, ignore_errors=True)
        for path, data in self.drawn.files.items():
            (self.inputs / path).parent.mkdir(parents=True, exist_ok=True)
            (self.inputs / path).write_bytes(data)
        absolute = self.chance.random() < 0.5
        places = (self.inputs, self.outputs) if absolute else (self.drawn.inputs, self.drawn.outputs)
        self.words = [f"INPUTS={places[0]}", f"OUTPUTS={places[1]}"]

    def ended(self) -> Ended:
        try:
            self._describe()
            self._stage("folds", "FOLDS=2")
            self._check(judge_folds, "folds")
            self._check_test_rows()
            if self.args.until == "folds":
                raise Stop
            self._stage("train", f"MODEL={self.args.model}", *TRAIN)
            if self.chance.random() < 0.15:
                self._stage("predict", f"MODEL={self.args.model}", "RUN=r", "TTA=hflip", "DEVICE=cpu")
            self._stage("blend")
            self._stage("sub")
            self._check(judge_submission, "sub", self.outputs / "blend/test.npz")
            self._stage("sub", "RUN=r")
            self._check(judge_submission, "sub", *(self.outputs / f"r/fold{k}/test.npz" for k in range(2)))
            self.end.submission = not self.end.finds
            if self.chance.random() < 0.3:
                self._stage(self.chance.choice(SIDE))
        except Stop:
            pass
        finally:
            if not self.args.keep:
                shutil.rmtree(self.folder, ignore_errors=True)
        return self.end

    def _find(self, kind: str, stage: str, text: str) -> None:
        self.end.finds.append(Find(kind, stage, text))

    def _check(self, judge, stage: str, *more) -> None:
        problems = judge(self.drawn, self.outputs, *more)
        for problem in problems:
            self._find(f"wrong {stage}: {problem.partition(':')[0]}", stage, problem)
        if problems:
            raise Stop

    # ---- stages and errors

    def _run(self, stage: str, *words: str) -> Done:
        done = forked(lambda: run_script(SCRIPTS[stage], [*self.words, *words]), self.folder, self.args.limit)
        import_too(self.folder / MODULES)
        printed = done.out + done.err
        if done.code is None:
            self._find("hang", stage, f"more than {self.args.limit:.0f} seconds\n{printed}")
        elif "Traceback" in printed or done.code not in (0, 2):
            self._find(f"traceback: {last_line(done.err)}", stage, printed)
        elif re.search("[\ud800-\udfff]", printed):
            self._find("output of surrogates", stage, ascii(printed))
        elif done.code == 2 and any(len(re.findall(f"^{word}", done.err, re.M)) != 1 for word in PARTS):
            self._find("an error without its three parts", stage, printed)
        else:
            return done
        raise Stop

    def _stage(self, stage: str, *words: str, final: bool = True) -> Done:
        """Run a stage. If it ends in an error, follow the advice, and end the run of the seed unless `final` is false.

        A competition of which everything odd is harmless must not be refused.
        """
        done = self._run(stage, *words)
        if done.code == 0:
            return done
        self._follow(stage, words, done)
        self.end.error = f"{stage}: {first_words(done.err, self.folder)}"
        if not final:
            return done
        if not self.drawn.refusable:
            self._find(f"refused: {self.end.error}", stage, done.err)
        raise Stop

    def _follow(self, stage: str, words: tuple[str, ...], done: Done) -> None:
        """Run a complete command that the error advises, or make the edit, and then the stage again."""
        advice = re.search(r"^run: *(.*)", done.err, re.M)[1]
        command = re.match(r"make ([a-z]+)((?: [A-Z_]+=[^<> ]+)*)$", advice.split(", ")[0].split(" && ")[0])
        edit = re.match(r"write (\w+) = (.*?) in competition.toml", advice)
        if edit:
            toml = self.inputs / "competition.toml"
            before = toml.read_text(encoding="utf-8")
            keys = tomllib.loads(before) | read_edit(edit[1], edit[2])
            toml.write_text(as_toml(keys), encoding="utf-8")
        elif command and command[1] in SCRIPTS:
            given = shlex.split(command[2])
            if command[1] == stage and set(given) <= {*words}:
                self._find("advice is the same command", stage, done.err)
                return
            self._run(command[1], *given)
        else:
            return
        again = self._run(stage, *words)
        if again.code and error_line(again.err) == error_line(done.err):
            self._find("advice ends in the same error", stage, done.err)
        if edit:
            toml.write_text(before, encoding="utf-8")

    # ---- competition.toml

    def _describe(self) -> None:
        """Run `make init`. Keep what it guessed right, and write the rest as the files were drawn."""
        done = self._stage("init", final=False)
        toml, own = self.inputs / "competition.toml", self.drawn.keys
        guess = {}
        if done.code == 0:
            text = toml.read_text(encoding="utf-8")
            try:
                guess = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                self._find("init wrote a file that is not TOML", "init", f"{error}\n{text}")
            wrong = wrong_guesses(self.drawn, guess)
            works = "the file works" in done.out
            silent = [key for key in wrong if not re.search(rf"^{key} = .*# CHECK", text, re.M)]
            for key in () if self.drawn.refusable else silent:
                kind = f"wrong guess without CHECK{'' if works else ' beside a line to decide'}: {key}"
                self._find(kind, "init", f"expected {own.get(key)!r}\n{text}")
            usable = works and not wrong
            if usable and self.chance.random() < 0.6:
                given = ("metric", "answer", "fill", "positive", "sample", "id", "group")
                own = guess | {key: own[key] for key in given if key in own}
                if own["target"] != "binary":
                    own.pop("positive", None)
        self.end.error = ""
        toml.write_text(as_toml(own), encoding="utf-8")

    def _check_test_rows(self) -> None:
        """Check that each id of the sample submission has the photos that were drawn for it."""

        def show() -> int:
            from comp.project import Project

            rows = Project(self.inputs, self.outputs).test_rows
            print(json.dumps([rows["id"].tolist(), rows["image"].tolist()]))
            return 0

        done = forked(show, self.folder, self.args.limit)
        if done.code:
            self._find(f"traceback: {last_line(done.err)}", "test rows", done.err)
            raise Stop
        found: dict[str, list[str]] = {}
        for name, path in zip(*json.loads(done.out), strict=True):
            found.setdefault(name, []).append(path)
        expected = {name: sorted(paths) for name, paths in self.drawn.test.items()}
        if {name: sorted(paths) for name, paths in found.items()} != expected:
            self._find("wrong test photos", "folds", f"{found}\nexpected {expected}")
            raise Stop


PARTS = ("error: ", "expected: ", "run: ")


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line[:1].strip()]
    return re.sub(r"\d+|'[^']*'|\"[^\"]*\"|\S*/\S*", "_", lines[-1])[:80] if lines else "nothing printed"


def error_line(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("error: "))


def first_words(text: str, folder: Path) -> str:
    """Return the first words of an error, without numbers, names and paths."""
    line = error_line(text).removeprefix("error: ").replace(str(folder), "")
    line = re.sub(r"^.*?\.(csv|toml|json)\b", "_", line)
    return " ".join(re.sub(r"\d+|'[^']*'|\"[^\"]*\"|\[.*\]|\S*/\S*", "_", line).split()[:9])


def read_edit(key: str, value: str) -> dict:
    try:
        return tomllib.loads(f"{key} = {value}")
    except tomllib.TOMLDecodeError:
        return {}


def as_toml(keys: dict) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())


if __name__ == "__main__":
    main()
