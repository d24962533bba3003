"""Compare two runs, or two sets of runs that differ in the seed only: is B better than A?

reads   outputs/folds.csv, the oof.npz of the runs; "blend" stands for outputs/blend
writes  nothing

The difference is of the same rows, with a 95 % interval from a bootstrap over groups and from the spread between seeds.
"""

from pathlib import Path

from options import competition_of, parser

from comp import console
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import blend_files, runs
from comp.store.runs import BLEND, Run
from comp.text import split_names


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    there = known(args.outputs)
    sides = [split_names(text, there.__contains__) for text in (args.a, args.b)]
    check_names(args.outputs, there, *sides)
    compare(args, competition, *sides)


def arguments():
    made = parser(__doc__)
    made.add_argument("--a", default="", help="a run, external predictions, or blend; or several seeds of one")
    made.add_argument("--b", default="", help="the same, for what may be better")
    return made.parse_args()


def known(outputs: Path) -> list[str]:
    """Everything that can be compared."""
    blend = [BLEND] if (Run(outputs, BLEND).folder / "oof.npz").is_file() else []
    return [*runs.run_names(outputs), *blend]


def check_names(outputs: Path, there: list[str], first: list[str], second: list[str]) -> None:
    """Raise InputError unless both sides name runs, each run once."""
    runs.check_known(outputs, [name for name in (*first, *second) if name not in there and name != BLEND])
    free = [name for name in there if name not in (*first, *second)]
    for letter, side in (("A", first), ("B", second)):
        if not side:
            raise InputError(
                f"no {letter}",
                'two runs, as in A=x B=y, or several seeds: A="x_s0 x_s1" B="y_s0 y_s1"',
                advice((first or free[:1]), (second or free[-1:])),
            )
    twice = [name for name in dict.fromkeys((*first, *second)) if [*first, *second].count(name) > 1]
    if twice:
        raise InputError(
            f"{', '.join(twice)} twice: A={' '.join(first)} B={' '.join(second)}",
            "each run once",
            advice(first[:1], [name for name in there if name != first[0]][:1]),
        )


def advice(first: list[str], second: list[str]) -> str:
    """The command that compares these two; if there are no two runs, the one that trains another."""
    if not (first and second) or set(first) & set(second):
        return "make train MODEL=<a model> RUN=<another name>"
    a, b = (f'"{" ".join(side)}"' if " " in " ".join(side) else side[0] for side in (first, second))
    return f"make compare A={a} B={b}"


def compare(args, competition: Competition, first: list[str], second: list[str]) -> None:
    """Load and compare. The imports are here because bad names need none of them."""
    from comp.blending import compare
    from comp.store import fold_table

    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    if BLEND in (*first, *second):
        blend = blend_files.blend_state(args.outputs, args.inputs, competition)
        if blend.made and blend.problem:
            console.warn(f"the blend is stale: {blend.problem}; {blend.asked.command}")
    data = compare.compare_runs(args.outputs, folds, digest, competition, first, second)
    compare.show_comparison(data, first, second)


if __name__ == "__main__":
    console.run_stage(main)
