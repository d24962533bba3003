"""The command-line options that stages share, so that each is spelled and explained once."""

import argparse
from pathlib import Path

from comp.competition.competition import Competition
from comp.store import frozen_competition


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring and shows every default; with --inputs and --outputs."""
    made = argparse.ArgumentParser(description=doc, formatter_class=_Help)
    made.add_argument("--inputs", type=Path, default=Path("inputs"), help="folder of the competition's data")
    made.add_argument("--outputs", type=Path, default=Path("outputs"), help="folder of everything generated")
    made.add_argument("--competition", type=Path, help="competition.toml; INPUTS/ or ./competition.toml if not given")
    return made


def competition_of(args: argparse.Namespace) -> Competition:
    """The Competition as `make folds` froze it; InputError where competition.toml was changed since."""
    return frozen_competition.load(args.outputs, args.inputs, args.competition)


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        return action.help if action.default in ("", None, False) else super()._get_help_string(action)


def add_run(made: argparse.ArgumentParser) -> None:
    """--model, --run and --fold."""
    group = made.add_argument_group("what to run")
    group.add_argument("--model", required=True, help="a recipe, or any timm model")
    group.add_argument("--run", default="", help="name of the run; empty for the model's name")
    group.add_argument("--fold", default="all", help="all, one fold's number, or all_data (all rows, after all folds)")


def add_device(made: argparse.ArgumentParser) -> None:
    """--device."""
    group = made.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
