"""The history.csv of each fold of a run: one row per epoch."""

import pandas as pd

from comp.store.paths import Run


def read(run: Run) -> tuple[dict[int, pd.DataFrame], list[str]]:
    """Fold to its epochs, with the columns epoch, train_loss, val_loss and the metrics; and what cannot be read."""
    found, problems = {}, []
    for path in sorted(run.folder.glob("fold*/history.csv")):
        number = path.parent.name.removeprefix("fold")
        try:
            table = pd.read_csv(path).apply(pd.to_numeric)
            found[int(number)] = table[["epoch", "train_loss", "val_loss", *_metrics(table)]]
        except (ValueError, KeyError, OSError) as error:  # what pandas raises are ValueErrors
            problems.append(f"{path} cannot be read, its learning curve is left out: {str(error).splitlines()[0]}")
    return dict(sorted(found.items())), problems


def _metrics(table: pd.DataFrame) -> list[str]:
    """The columns of the metrics: they stand between val_loss and lr."""
    columns = list(table.columns)
    return columns[columns.index("val_loss") + 1 : columns.index("lr")]
