"""The name, default and help of every option of the scripts. The Makefile passes its variables on unchanged.

A script takes an option as `--name value` or as `NAME=value`, so `make train MODEL=x` and `tools/train_fold.py --model
x` are equivalent. An unknown name is an error, which shows the nearest known name. A known name that a script does not
use is ignored, because one make command may have several targets. `make help` runs this file, which lists targets and
options.
"""

import argparse
import difflib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SETTINGS = "'KEY=VALUE …'"
MAKE_ONLY = {  # variables that only the Makefile reads
    "gpus": ("1", "number of processes that train a fold together, each on one GPU (torchrun, DDP)"),
    "python": ("python3", "the Python (3.11 or newer) that makes .venv"),
    "py": (".venv/bin/python", "the Python that runs the scripts"),
}


@dataclass(frozen=True)
class Option:
    """An option. Its type is the type of the default. An option with a bool is a switch, which NAME=1 turns on."""

    default: object
    help: str
    metavar: str | None = None


OPTIONS = {
    "inputs": Option("inputs", "folder of the competition's data"),
    "outputs": Option("outputs", "folder of everything that is generated"),
    "competition": Option("", "path of competition.toml; if empty, the file in INPUTS, else ./competition.toml"),
    "folds": Option(5, "number of folds"),
    "seed": Option(0, "seed of the folds, of a run, or of what is drawn"),
    "search": Option(1, "number of seeds to try, from SEED on; the most even folds are kept"),
    "adversarial": Option(False, "also measure how well a model tells training photos from test photos"),
    "model": Option("", "a recipe or any timm model: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"),
    "run": Option("", "name of the run; if empty, the model (embed: <model>_embed; stack: stack; sub: the blend)"),
    "fold": Option("all", "all, the number of a fold, or all_data (train on all rows, after all folds)"),
    "set": Option("", "settings to change, such as 'epochs=3 image_size=128'; make train also needs RUN", SETTINGS),
    "init": Option("", "run of the same model, whose fold k gives the first weights of fold k; needs RUN"),
    "no-predict": Option(False, "train without predicting"),
    "tta": Option("", "views to predict: none, hflip, contrast, zoom, flips, d4; if empty, those of the recipe"),
    "device": Option("auto", "auto, cpu, cuda, cuda:1, mps"),
    "runs": Option("", "runs to blend or to stack, with blanks or commas between them; if empty, all complete runs"),
    "method": Option("", "the blend method; if empty, the mean of several methods"),
    "rule": Option("", "the decision rule; if empty, the mean of several rules"),
    "rounds": Option(2, "largest number of rounds of pseudo-labels"),
    "share": Option(0.3, "share of pseudo-labelled photos in an epoch"),
    "power": Option(2.0, "power that sharpens the pseudo-labels; 1 does not change them"),
    "most-per-class": Option(0, "largest number of pseudo-labels of each class, of which the surest are kept; 0: all"),
    "files": Option("", "submission files, the best first, with blanks or commas between them, or a pattern"),
    "answers": Option("", "file with the true answers of the test photos, if they are known"),
    "a": Option("", "run A: a run, external predictions, or blend; or several seeds of a run: 'x_s0 x_s1'"),
    "b": Option("", "run B, which may be better than run A; takes the values that A takes"),
    "score": Option("", "score of a submission on the public leaderboard; without a score, list all submissions"),
    "private": Option("", "score of the submission on the private leaderboard, if it is known"),
    "file": Option("", "path of the submission, or the first letters of its hash; if empty, submission.csv"),
    "image": Option("", "images as named in folds.csv, or test photos, with blanks or commas between them"),
    "to": Option("", "the tool to export to: tensorboard, mlflow, fiftyone"),
    "comp": Option("faces", "the demo to draw: faces, or digits"),
    "repeat": Option(5, "number of timings of each of the two ways in make bench"),
    "bench": Option("", "parts of make bench: data, engine, recipes, blending, choosing; if empty, all parts"),
}


def project_and_options(doc: str, *names: str, epilog: str = ""):
    """Read the command line. Return the Project of INPUTS, OUTPUTS and COMPETITION, and the options `names`.

    The second value has one attribute for each option.

    doc: the docstring of the script, which is the first part of its help. epilog: help after the list of options.
    """
    from comp.errors import InputError
    from comp.project import Project

    given = parse(doc, "inputs", "outputs", "competition", *names, epilog=epilog)
    if "model" in names and not given.model:
        recipes = "vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"
        expected = f"MODEL= with a recipe or a timm model: {recipes}"
        raise InputError("no MODEL", expected, "the same command with MODEL=resnet34")
    for name in ("inputs", "outputs"):
        if not getattr(given, name).strip():
            advice = f"the same command with {name.upper()}={name}"
            raise InputError(f"{name.upper()} is set to an empty text", "the name of a folder", advice)
    return Project(
        Path(given.inputs), Path(given.outputs), Path(given.competition) if given.competition else None
    ), given


def parse(doc: str, *names: str, epilog: str = "", words: list[str] | None = None) -> argparse.Namespace:
    """The options `names` as attributes, from `words`, or from the command line if `words` is None."""
    parser = argparse.ArgumentParser(description=doc, epilog=epilog, formatter_class=_Help)
    for name in names:
        option = OPTIONS[name]
        if isinstance(option.default, bool):
            parser.add_argument(f"--{name}", action="store_true", help=option.help)
        else:
            kind = type(option.default)
            parser.add_argument(
                f"--{name}", type=kind, default=option.default, help=option.help, metavar=option.metavar
            )
    words = sys.argv[1:] if words is None else words
    return parser.parse_args([word for given in words for word in _as_option(given, names)])


def _as_option(word: str, names: tuple[str, ...]) -> list[str]:
    """Turn NAME=value into --name=value, and keep any other word. Returns no word if the option is not used here."""
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
    """Return no words for a variable that another target uses. Raises InputError for an unknown variable."""
    from comp.errors import InputError

    known = [name.upper().replace("-", "_") for name in (*OPTIONS, *MAKE_ONLY)]
    if variable in known:
        return []
    nearest = difflib.get_close_matches(variable, known, 1)
    advice = f"the same command with {nearest[0]}=" if nearest else "make help"
    raise InputError(f"{variable}= is not an option", f"one of {', '.join(known)}", advice)


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        return action.help if action.default in ("", None, False) else super()._get_help_string(action)


def main() -> None:
    """Print the targets of the Makefile, and all options with their defaults."""
    tools = Path(__file__).parent
    print("usage: make TARGET [NAME=value …]\n")
    for target, text in re.findall(r"^([a-z-]+):.*?## (.*)$", (tools.parent / "Makefile").read_text(), re.M):
        print(f"  {target:12} {text}")
    print()
    for name, option in OPTIONS.items():
        default = "" if isinstance(option.default, bool) else option.default
        print(f"  {name.upper().replace('-', '_') + '=' + str(default):20} {option.help}")
    for name, (default, text) in MAKE_ONLY.items():
        print(f"  {name.upper() + '=' + default:20} {text}")
    print("\nEach script has its own help, with the options that it takes: .venv/bin/python tools/train_fold.py --help")


if __name__ == "__main__":
    main()
