"""Kill make commands at random moments, run them again, and check that they write the same files as without a kill.

reads   nothing, because this script draws a tiny competition
writes  only files in the folder --work, which is emptied first

Each round runs several make commands (such as folds, train and blend) in a new outputs folder. A command is killed
(SIGKILL to all its processes) at a random moment, and started again, until it comes to its end or has been killed six
times; then it runs without a kill. The exit code is 1 if any file differs.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from comp import console

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "pretrained=false image_size=32 epochs=2 batch_size=16 accumulate=1 patience=0 lr=3e-3 warmup_epochs=0.5 "
    "mixup=0.3 halfmix=0.3 augment=upright ema_decay=0.9 drop_rate=0.2 workers=0"
)
TRAIN = ["train", "MODEL=test_resnet", "RUN=r", f"SET={SETTINGS}"]
STAGES = {
    "folds": [["folds", "FOLDS=3"]],
    "train": [TRAIN],
    "all": [["folds", "FOLDS=3"], TRAIN, ["predict", "MODEL=test_resnet", "RUN=r", "TTA=none"], ["blend"], ["sub"]],
}
PER_COMMAND = 6  # most kills of a command in a round; without a limit, a command on a loaded machine may never end
TIMES = ["seconds", "images_per_second", "waiting"]  # columns of history.csv that differ between equal runs


def main() -> None:
    args = arguments()
    shutil.rmtree(args.work, ignore_errors=True)
    draw = [sys.executable, ROOT / "tools/dev/make_demo.py", "--dest", args.work / "inputs"]
    subprocess.run([*draw, "--people", "18", "--test-people", "6"], check=True, stdout=subprocess.DEVNULL)
    commands = STAGES[args.stages]
    for outputs in ("reference", "again"):  # twice, because the first run is slower: it fills file caches
        if args.stages == "train":
            make(args.work, outputs, *STAGES["folds"][0])
        took = [timed(args.work, outputs, command) for command in commands]
    reference = fingerprints(args.work / "reference")
    bad = bool(differences(reference, fingerprints(args.work / "again")))
    differ = ", some of which differ between two runs without a kill" if bad else ""
    console.say(f"without a kill, the commands take {sum(took):.0f} s and write {len(reference)} files{differ}")
    chance, kills, rounds = random.Random(args.seed), 0, 0
    while kills < args.kills:
        outputs = args.work / f"round{rounds}"
        if args.stages == "train":
            make(args.work, outputs.name, *STAGES["folds"][0])
        for command, seconds in zip(commands, took, strict=True):
            kills += disturbed(args.work, outputs.name, command, seconds, chance, min(PER_COMMAND, args.kills - kills))
        rounds += 1
        wrong = differences(reference, fingerprints(outputs))
        bad += bool(wrong)
        equal = f"all {len(reference)} files are the same as without a kill"
        console.say(f"round {rounds}: {kills} kills so far; {'; '.join(wrong) or equal}")
        shutil.rmtree(outputs)
    ended = f"{rounds - bad} of {rounds} rounds ended with the same files as a run without a kill"
    console.say(f"{kills} kills in {rounds} rounds: {ended}")
    sys.exit(bool(bad))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("outputs/chaos"), help="folder to work in; emptied first")
    parser.add_argument("--kills", type=int, default=100, help="number of kills in all")
    parser.add_argument("--stages", choices=STAGES, default="all", help="stages to run and to kill")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    return parser.parse_args()


def start(work: Path, outputs: str, command: list[str]) -> subprocess.Popen:
    """Start a make command in a new process group, so that a kill reaches all processes of the command.

    work: the folder that has the inputs. outputs: the name of the outputs folder in `work`. command: the words after
    "make".
    """
    words = ["make", "-s", "-C", ROOT, *command, f"INPUTS={work.resolve() / 'inputs'}"]
    words += [f"OUTPUTS={work.resolve() / outputs}", "DEVICE=cpu"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )


def make(work: Path, outputs: str, *command: str) -> None:
    """Run a make command to its end. If the command fails, print its output and exit."""
    finish(start(work, outputs, list(command)))


def finish(process: subprocess.Popen) -> None:
    printed, _ = process.communicate()
    if process.returncode:
        sys.exit(f"error: {' '.join(map(str, process.args))} failed:\n{printed}")


def timed(work: Path, outputs: str, command: list[str]) -> float:
    began = time.monotonic()
    make(work, outputs, *command)
    return time.monotonic() - began


def disturbed(work: Path, outputs: str, command: list[str], seconds: float, chance: random.Random, most: int) -> int:
    """Run a make command to its end, but first kill it and start it again up to `most` times.

    Returns the number of kills. seconds: the time that the command takes without a kill. chance: draws the moment of
    each kill within this time.
    """
    for kills in range(most):
        process = start(work, outputs, command)
        try:
            process.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            continue
        finish(process)
        return kills
    make(work, outputs, *command)
    return most


def fingerprints(outputs: Path) -> dict[str, str]:
    """Return a dictionary from the relative path of each file in the folder `outputs` to a hash of the file.

    The photo cache and the lock files are left out.
    """
    files = {}
    for path in sorted(path for path in outputs.rglob("*") if path.is_file()):
        name = str(path.relative_to(outputs))
        if name.split("/", maxsplit=1)[0] not in ("cache", "locks"):
            files[name] = hashlib.sha256(content(path, outputs)).hexdigest()
    return files


def content(path: Path, outputs: Path) -> bytes:
    """Return the bytes of a file, without what differs whenever a command is repeated: times and the outputs path."""
    if path.parent.name == "submissions" and path.suffix == ".json":
        record = json.loads(path.read_text())  # its hash includes the time at which it was made
        return json.dumps({name: value for name, value in record.items() if name not in ("made", "sha256")}).encode()
    if path.name == "history.csv":
        return pd.read_csv(path).drop(columns=TIMES).to_csv().encode()
    return path.read_bytes().replace(str(outputs.resolve()).encode(), b"outputs")


def differences(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    names = sorted(expected.keys() | actual.keys())
    return [f"{name} differs" for name in names if expected.get(name) != actual.get(name)]


if __name__ == "__main__":
    main()
