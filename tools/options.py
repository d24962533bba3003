"""Every option of the scripts, declared once: name, default and help. The Makefile passes variables on as typed.

A script takes `--name value` and `NAME=value` alike, so `make train MODEL=x` and `tools/train_fold.py --model x` do the
same. An unknown name is refused, and the nearest known name is shown. A known name that a script does not use is
ignored, because one make command may have several targets. `make help` runs this file, which lists targets and options.
"""

import argparse
import difflib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SETTINGS = "'KEY=VALUE …'"
MAKE_ONLY = {  # variables that only the Makefile reads
    "gpus": ("1", "processes that train one fold together, one per GPU (torchrun, DDP)"),
    "python": ("python3", "the Python (3.11 or newer) that .venv is made from"),
    "py": (".venv/bin/python", "the Python that runs the scripts"),
}


@dataclass(frozen=True)
class Option:
    """The type follows from the default: a bool is a switch, for which NAME=1 says yes."""

    default: object
    help: str
    metavar: str | None = None


OPTIONS = {
    "inputs": Option("inputs", "folder of the competition's data"),
    "outputs": Option("outputs", "folder of everything that is generated"),
    "competition": Option("", "competition.toml; the one in INPUTS, else ./competition.toml, if empty"),
    "folds": Option(5, "number of folds"),
    "seed": Option(0, "seed of the folds, of a run, or of what is drawn"),
    "search": Option(1, "so many seeds are tried from SEED on; the most even folds are kept"),
    "adversarial": Option(False, "also try to tell training photos from test photos"),
    "model": Option("", "a recipe or any timm model: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"),
    "run": Option("", "name of the run; the model's if empty (embed: <model>_embed; stack: stack; sub: the blend)"),
    "fold": Option("all", "all, one fold's number, or all_data (all rows, after all folds)"),
    "set": Option("", "settings to override, such as 'epochs=3 image_size=128'; train: needs RUN", SETTINGS),
    "init": Option("", "a run of the same model: fold k begins with the weights of its fold k; needs RUN"),
    "no-predict": Option(False, "train only"),
    "tta": Option("", "views of predict: none, hflip, contrast, zoom, flips, d4; the recipe's if empty"),
    "device": Option("auto", "auto, cpu, cuda, cuda:1, mps"),
    "runs": Option("", "runs to blend or to stack, with blanks or commas between them; all complete ones if empty"),
    "method": Option("", "how to blend; several methods share the blend if empty"),
    "rule": Option("", "how to decide; several rules share the decision if empty"),
    "rounds": Option(2, "rounds of pseudo-labels, at most"),
    "share": Option(0.3, "share of pseudo-labelled photos in an epoch"),
    "power": Option(2.0, "pseudo-labels are sharpened by this power; 1 leaves them as they are"),
    "most-per-class": Option(0, "only so many of the surest pseudo-labels of each class; 0 for all"),
    "files": Option("", "submission files, the best first, with blanks or commas between them, or a pattern"),
    "answers": Option("", "table of the test photos' true answers, if there is one"),
    "a": Option("", "a run, external predictions, or blend; or several seeds of one: 'x_s0 x_s1'"),
    "b": Option("", "the same, for what may be better"),
    "score": Option("", "score of a submission on the public leaderboard; without one all submissions are listed"),
    "private": Option("", "its score on the private leaderboard, if that is known"),
    "file": Option("", "the submission: its path, or the first letters of its hash; submission.csv if empty"),
    "image": Option("", "images as in folds.csv, or test photos, with blanks or commas between them"),
    "to": Option("", "the other tool: tensorboard, mlflow, fiftyone"),
    "comp": Option("faces", "which demo: faces, or digits"),
    "repeat": Option(5, "bench: how often each of the two is timed"),
    "bench": Option("", "parts of bench: data, engine, recipes, blending, choosing; all if empty"),
}


def project_and_options(doc: str, *names: str, epilog: str = ""):
    """The Project of INPUTS, OUTPUTS and COMPETITION, and the options `names` of the command line as attributes.

    doc: the script's docstring, which is its help; epilog: more help, after the options.
    """
    from comp.errors import InputError
    from comp.project import Project

    given = parse(doc, "inputs", "outputs", "competition", *names, epilog=epilog)
    if "model" in names and not given.model:
        recipes = "vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"
        raise InputError("no MODEL", f"MODEL=<recipe or timm model>: {recipes}", "the same command with MODEL=resnet34")
    for name in ("inputs", "outputs"):
        if not getattr(given, name).strip():
            advice = f"the same command with {name.upper()}={name}"
            raise InputError(f"{name.upper()} is empty", "the name of a folder", advice)
    return Project(
        Path(given.inputs), Path(given.outputs), Path(given.competition) if given.competition else None
    ), given


def parse(doc: str, *names: str, epilog: str = "", words: list[str] | None = None) -> argparse.Namespace:
    """The options `names` from `words` (the command line if None)."""
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
    """NAME=value as --name=value; any other word as it is."""
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
    """No words, for a variable that another target uses. Raises InputError for one that nothing uses."""
    from comp.errors import InputError

    known = [name.upper().replace("-", "_") for name in (*OPTIONS, *MAKE_ONLY)]
    if variable in known:
        return []
    nearest = difflib.get_close_matches(variable, known, 1)
    advice = f"the same command with {nearest[0]}=" if nearest else "make help"
    raise InputError(f"{variable}= is no option", f"one of {', '.join(known)}", advice)


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        return action.help if action.default in ("", None, False) else super()._get_help_string(action)


def main() -> None:
    """Print the targets of the Makefile, and every option with the scripts that take it."""
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
