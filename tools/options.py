"""Declare the name, default and help of every option of the scripts, and read the options from the command line.

A script takes an option as `--name value` or as `NAME=value`. The Makefile passes its variables to the scripts
unchanged, so `make train MODEL=x` and `tools/train_fold.py --model x` are equivalent. For an unknown NAME, an error
shows the most similar known name. A known NAME that the script does not use is ignored, because one make command may
run several scripts. In all options of PATHS, ~ and $HOME stand for the home folder, because a shell does not replace
them in `make OUTPUTS=~/out` and in quotes.
`make help` runs this file as a script, which then lists all targets and options. `options.py --path TEXT` prints a path
for the Makefile, with the home folder in place of ~.
"""

import argparse
import difflib
import functools
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SETTINGS = "'KEY=VALUE …'"
MAKE_ONLY = {  # options that only the Makefile reads: default and help
    "gpus": ("1", "number of processes that train a fold together, each on one GPU (torchrun, DDP)"),
    "python": ("python3", "the Python (3.11, 3.12 or 3.13) with which .venv is made"),
    "py": (".venv/bin/python", "the Python that runs the scripts"),
}


PATHS = ("inputs", "outputs", "competition", "files", "answers", "file")  # options that hold paths
HOME = re.compile(r"(?:^|(?<=[\s,|'\"]))(?:~|\$HOME|\$\{HOME\})(?=/|\Z)")  # at the beginning of a path


@dataclass(frozen=True)
class Option:
    """An option of the command line. Its value has the type of `default`.

    If the default is False, the option is a switch, which --name or NAME=1 turns on. help: the meaning of the option,
    for --help. metavar: the word that stands for the value in --help; None means the name of the option. least, most:
    the smallest and the largest allowed number, or None if there is no limit.
    """

    default: object
    help: str
    metavar: str | None = None
    least: float | None = None
    most: float | None = None


OPTIONS = {
    "inputs": Option("inputs", "folder of the competition's data"),
    "outputs": Option("outputs", "folder for all files that are generated"),
    "competition": Option("", "path of competition.toml; if empty, the file in INPUTS, else ./competition.toml"),
    "folds": Option(5, "number of folds"),
    "seed": Option(0, "random seed of the folds or of the run", least=0, most=2**32 - 1),  # what numpy accepts
    "search": Option(1, "number of seeds to try, from SEED on; the seed with the most even folds is used", least=1),
    "adversarial": Option(False, "also measure how well a model can tell training photos from test photos"),
    "split-twins": Option(False, "near-identical photos may be in different folds, as they may be in train and test"),
    "model": Option("", "a recipe or any timm model: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"),
    "run": Option("", "name of the run; if empty, MODEL (embed: <model>_embed; stack: stack; sub: the blend)"),
    "fold": Option("all", "all (folds), the number of one fold, or all_data (train on all rows, after all folds)"),
    "set": Option("", "settings to change, such as 'epochs=3 image_size=128'; `make train` then needs RUN", SETTINGS),
    "init": Option("", "run of the same model: fold k begins with the weights of fold k of that run; needs RUN"),
    "no-predict": Option(False, "train, but do not predict"),
    "tta": Option("", "test-time augmentation: none, hflip, contrast, zoom, flips or d4; if empty, as in the recipe"),
    "device": Option("auto", "the device to compute on: auto, cpu, cuda, cuda:1, mps"),
    "runs": Option("", "runs to blend or to stack, separated by spaces or commas; if empty, all complete runs"),
    "method": Option("", "the blend method; if empty, the mean of several methods"),
    "rule": Option("", "the decision rule; if empty, the mean of several rules"),
    "rounds": Option(2, "largest number of rounds of pseudo-labels", least=1),
    "share": Option(0.3, "share of pseudo-labelled photos among the photos of an epoch", least=0, most=0.9),
    "power": Option(2.0, "exponent that sharpens the probabilities of pseudo-labels; 1 does not change them"),
    "most-per-class": Option(
        0, "largest number of pseudo-labels per class (the most confident ones); 0: no limit", least=0
    ),
    "files": Option("", "submission files, the best first, separated by spaces or commas, or a pattern: 'votes/*.csv'"),
    "answers": Option("", "file with the true answers of the test photos, if they are known"),
    "a": Option("", "a run, external predictions or blend; or runs that differ only in the seed: 'x_s0 x_s1'"),
    "b": Option("", "what is compared with A: takes the same values as A"),
    "score": Option("", "score of a submission on the public leaderboard; if empty, all submissions are listed"),
    "private": Option("", "score of the submission on the private leaderboard, if it is known"),
    "file": Option("", "path of the submission, or the first letters of its hash; if empty, submission.csv"),
    "image": Option("", "photos, separated by spaces or commas, with their names in folds.csv or in the test set"),
    "to": Option("", "the tool to export to: tensorboard, mlflow, fiftyone"),
    "comp": Option("faces", "the demo to draw: faces, or digits"),
    "repeat": Option(5, "number of measurements of each of the two sides that `make bench` compares", least=1),
    "bench": Option("", "parts of `make bench`: data, engine, recipes, blending, choosing; if empty, all parts"),
}


def project_and_options(doc: str, *names: str, epilog: str = ""):
    """Read the command line of a script. Return a Project and a namespace with the values of the script's options.

    Every script has the options INPUTS, OUTPUTS and COMPETITION, from which the Project is made. names: the names of
    the script's other options. doc: the docstring of the script, with which its --help begins. epilog: the text with
    which --help ends. Raises InputError if MODEL is an option of the script but is missing, or if INPUTS or OUTPUTS is
    empty.
    """
    from comp.errors import InputError
    from comp.project import Project

    given = parse(doc, "inputs", "outputs", "competition", *names, epilog=epilog)
    if "model" in names and not given.model:
        recipes = "vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"
        expected = f"after MODEL= the name of a recipe or of a timm model: {recipes}"
        raise InputError("no MODEL is given", expected, "the same command with MODEL=resnet34")
    for name in ("inputs", "outputs"):
        if not getattr(given, name).strip():
            advice = f"the same command with {name.upper()}={name}"
            raise InputError(f"{name.upper()}= is empty", f"the name of a folder after {name.upper()}=", advice)
    return Project(
        Path(given.inputs), Path(given.outputs), Path(given.competition) if given.competition else None
    ), given


def parse(doc: str, *names: str, epilog: str = "", words: list[str] | None = None) -> argparse.Namespace:
    """Read the options `names` from the command line, and return a namespace with their values.

    doc, epilog: the texts with which --help begins and ends. words: the arguments to read, or None to read sys.argv.
    """
    parser = argparse.ArgumentParser(description=doc, epilog=epilog, formatter_class=_Help)
    for name in names:
        option = OPTIONS[name]
        if isinstance(option.default, bool):
            parser.add_argument(f"--{name}", action="store_true", help=option.help)
        else:
            kind = str if isinstance(option.default, str) else functools.partial(_number, name)
            parser.add_argument(
                f"--{name}", type=kind, default=option.default, help=option.help, metavar=option.metavar
            )
    words = sys.argv[1:] if words is None else words
    given = parser.parse_args([word for given in words for word in _as_option(given, names)])
    for name in set(names).intersection(PATHS):
        setattr(given, name, with_home(getattr(given, name), several=name == "files"))
    return given


def with_home(text: str, several: bool = False) -> str:
    """Return a path in which ~ or $HOME at the beginning is replaced by the home folder.

    several: whether `text` may hold several paths, separated by spaces, commas or |, which are then all changed. Raises
    InputError if the path is not in UTF-8.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        from comp.errors import InputError

        shown = os.fsencode(text).decode("utf-8", "backslashreplace")
        advice = "rename the folder or file, then the same command with the new path"
        raise InputError(f"the path {shown} is not UTF-8", "a path in UTF-8", advice)
    home, match = os.path.expanduser("~"), HOME.match(text)
    if several:
        return HOME.sub(lambda match: home, text)
    return home + text[match.end() :] if match else text


def _number(name: str, text: str) -> int | float:
    """Return the value `text` of the option `name` as a number. Raises InputError if it is not an allowed number."""
    from comp.errors import InputError

    option = OPTIONS[name]
    try:
        value = type(option.default)(text)
    except ValueError:
        value = math.nan
    least, most = (-math.inf if option.least is None else option.least), (option.most or math.inf)
    if math.isfinite(value) and least <= value <= most:  # nan fails this check
        return value
    variable, kind = name.upper().replace("-", "_"), "whole number" if isinstance(option.default, int) else "number"
    limits = "" if option.least is None else f" from {least} to {most}" if option.most else f" of at least {least}"
    advice = f"the same command with {variable}={option.default}"
    raise InputError(f"{variable}={text} is not allowed", f"a {kind}{limits}", advice)


def _as_option(word: str, names: tuple[str, ...]) -> list[str]:
    """Translate one argument of the command line into a list of arguments for argparse.

    "NAME=value" becomes ["--name=value"]. A switch becomes ["--name"] if it is on, else []. The list is also empty if
    the option is not in `names`, the options of the script. Any other argument is returned unchanged, in a list. Raises
    InputError if no script has the option.
    """
    variable = re.match(r"([A-Z][A-Z_]*)=", word)
    if not variable:
        return [word]
    name, value = variable[1].lower().replace("_", "-"), word[variable.end() :]
    if name not in names:
        return _unused(variable[1])
    if isinstance(OPTIONS[name].default, bool):
        return [f"--{name}"] if value not in ("", "0") else []
    return [f"--{name}={value}"]


def _unused(variable: str) -> list[str]:
    """Return [] if other scripts have the option `variable`, such as "MODEL". Raises InputError if none has it."""
    from comp.errors import InputError

    known = [name.upper().replace("-", "_") for name in (*OPTIONS, *MAKE_ONLY)]
    if variable in known:
        return []
    nearest = difflib.get_close_matches(variable, known, 1)
    advice = f"the same command with {nearest[0]}=" if nearest else "make help"
    raise InputError(f"{variable}= is not an option", f"one of the options {', '.join(known)}", advice)


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        return action.help if action.default in ("", None, False) else super()._get_help_string(action)


def main() -> None:
    """Print all targets of the Makefile and all options, with the default of each option. See also --path above."""
    if sys.argv[1:2] == ["--path"]:
        print(with_home(sys.argv[2]))
        return
    tools = Path(__file__).parent
    print("usage: make TARGET [NAME=value …]\n")
    for target, text in re.findall(
        r"^([a-z-]+):.*?## (.*)$", (tools.parent / "Makefile").read_text(encoding="utf-8"), re.M
    ):
        print(f"  {target:12} {text}")
    print()
    for name, option in OPTIONS.items():
        default = "" if isinstance(option.default, bool) else option.default
        print(f"  {name.upper().replace('-', '_') + '=' + str(default):20} {option.help}")
    for name, (default, text) in MAKE_ONLY.items():
        print(f"  {name.upper() + '=' + default:20} {text}")
    print("\nEach script has its own help, which lists its options: .venv/bin/python tools/train_fold.py --help")


if __name__ == "__main__":
    main()
