"""Draw a small competition, and run all steps on it: make folds, train, blend, print scores, write a report.

reads   nothing
writes  inputs/demo and outputs/demo; with the option COMP=digits, inputs/digits and outputs/digits

Each step runs scripts of tools/. Before each step, the make command that does the same is printed.

The settings are made for learning from scratch in minutes on a CPU, not for a real competition. The images are tiny
(for the ViT, width and height must be multiples of 32), and no weights are pretrained. A class of the faces combines
mask, gender and age. The models have a head for each of these three attributes, because a few faces are enough to learn
the eight values of the attributes, but not the eighteen classes. There are only two folds for the faces, so that a
model can see its photos several times in a short time. The training ends before the models are perfect, and the models
make different mistakes, so that a blend is better than each of them.

The folds of a run are trained side by side, each by a process with its share of the cores: with such small images, two
processes with a thread each are faster than one with two threads. What the other folds print comes after the first.
"""

import os
import subprocess
import sys
from pathlib import Path

import joblib

TOOLS = Path(__file__).parent.parent
sys.path.insert(0, str(TOOLS))

from options import parse  # noqa: E402  is in tools/

from comp import console  # noqa: E402
from comp.errors import InputError  # noqa: E402

FACES = (
    "pretrained=false head=attributes accumulate=1 batch_size=16 optimizer=adamw schedule=cosine patience=0 mixup=0 "
    "cutmix=0 loss=cross_entropy smoothing=0 class_weights=none sampler=balanced augment=flip weight_decay=0.05 "
    "warmup_epochs=0.3 clip_grad=1 ema_decay=0"
)
DIGITS = "pretrained=false image_size=32 epochs=6 lr=3e-3"
DEMOS = {  # for each demo: its folder, its number of folds, and (model, run, settings) for each run
    "faces": ("demo", 2, (
        ("vit_small_r26", "vit_small_r26_32px", f"{FACES} image_size=32 lr=5e-4 epochs=4"),
        ("efficientnetv2_rw_t", "efficientnetv2_rw_t_40px", f"{FACES} image_size=40 lr=2e-3 epochs=4"),
        ("resnet34", "resnet34_32px", f"{FACES} image_size=32 lr=1.5e-3 epochs=2"),
    )),
    "digits": ("digits", 3, (
        ("resnet10t", "resnet10t_32px", DIGITS),
        ("resnet18d", "resnet18d_32px", DIGITS),
    )),
}  # fmt: skip
SCRIPTS = {"folds": ("make_folds",), "train": ("train_fold",), "blend": ("blend", "make_sub"), "scores": ("scores",)}


def main() -> None:
    name = parse(__doc__, "comp").comp
    if name not in DEMOS:
        expected = f"in COMP one of the demos {', '.join(DEMOS)}"
        raise InputError(f"COMP={name} is not a demo", expected, "make demo COMP=digits")
    folder, folds, runs = DEMOS[name]
    places = [f"INPUTS=inputs/{folder}", f"OUTPUTS=outputs/{folder}"]
    script(TOOLS / "dev/make_demo.py", "--comp", name, "--dest", f"inputs/{folder}")
    stage("folds", *places, f"FOLDS={folds}")
    for model, run, settings in runs:
        train_folds(folds, *places, f"MODEL={model}", f"RUN={run}", f"SET={settings}")
    stage("blend", *places)
    stage("scores", *places, f"ANSWERS=inputs/{folder}/answers.csv")
    stage("report", *places)
    if name == "faces":
        console.say(
            "the faces are drawn, not photographed: the scores do not show how good the models are on real photos"
        )


def train_folds(folds: int, *words: str) -> None:
    """Train all folds of a run at the same time. words: the options of `make train`, except FOLD."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, joblib.cpu_count() // folds))
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    command = [sys.executable, str(TOOLS / "train_fold.py"), *words]
    others = [
        subprocess.Popen([*command, f"FOLD={k}"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for k in range(1, folds)
    ]
    say_command("train", *words, "FOLD=0")
    codes = [subprocess.run([*command, "FOLD=0"], check=False, env=environment).returncode]
    for k, other in enumerate(others, 1):
        printed, _ = other.communicate()
        say_command("train", *words, f"FOLD={k}")
        print(printed.decode(), end="", flush=True)
        codes.append(other.returncode)
    if failed := [code for code in codes if code]:
        sys.exit(failed[0])


def stage(target: str, *words: str) -> None:
    """Print a make command, and run the scripts of its target directly.

    target: the target of make, such as "train". words: the options of the command, such as "RUN=a".
    """
    say_command(target, *words)
    for script_name in SCRIPTS.get(target, (target,)):
        script(TOOLS / f"{script_name}.py", *words)


def say_command(target: str, *words: str) -> None:
    shown = [word if " " not in word else '{}="{}"'.format(*word.split("=", 1)) for word in words]
    console.say(f"\nmake {target} {' '.join(shown)}", style="bold")


def script(path: Path, *words: str) -> None:
    """Run a Python script with the arguments `words`. If the script fails, exit with the same exit code."""
    done = subprocess.run([sys.executable, str(path), *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    console.run_stage(main)
