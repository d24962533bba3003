"""Which values of a classifier's hyperparameter are tried, and where the search goes on from the best one.

The search begins with the values of the grid. It then goes on to the neighbours of the best candidate, from there to
the neighbours of the best neighbour, and so on, until no neighbour is clearly better. A grid that the user gave is
never left. Beyond the ends of a classifier's own grid, the values go on in the ratio of the last two values, up to the
bounds of the classifier.

A classifier with a penalty gets two values: one for the vectors (embeddings or predictions) and one for the columns.
With a single value, 200 good columns would be penalised as strongly as 1,280 features of which most only fit noise. The
search begins with the same value for both. A step changes one of them or, as long as they are the same, both.
"""

from dataclasses import dataclass

from comp.tabular.classifiers import Kind

# A step must improve the score by this share. Otherwise the search would go on to the bounds for nothing: from some
# value on, a penalty is so small that a smaller one hardly changes the predictions.
CLEAR = 1e-4


@dataclass(frozen=True, order=True)
class Candidate:
    """The positions of two values in the grid: the value for the vectors and the value for the columns.

    Positions below 0, or from the length of the grid on, are beyond the ends of the grid. If the classifier has no
    value of its own for columns, both positions are the same.
    """

    vectors: int
    columns: int


class ValuesToTry:
    """The candidates for the hyperparameter of one classifier.

    kind: the classifier. given: the values that the user wants to try, or () for the classifier's own values. blocks:
    whether the rows have vectors and columns, so that each of the two may get a value of its own.
    """

    def __init__(self, kind: Kind, given: tuple[float, ...], blocks: bool):
        self.kind, self.grid, self.goes_on = kind, given or kind.grid, not given
        self.separate = blocks and kind.factor is not None

    @property
    def first(self) -> list[Candidate]:
        """The candidates with which the search begins: all values of the grid, from the simplest model on."""
        return [Candidate(i, i) for i in range(len(self.grid))]

    def neighbours(self, candidate: Candidate) -> list[Candidate]:
        """Return the candidates that are one step away from `candidate`."""
        steps = [(-1, -1), (1, 1)] if candidate.vectors == candidate.columns else []
        if self.separate:
            steps += [(-1, 0), (0, -1), (0, 1), (1, 0)]
        near = [Candidate(candidate.vectors + i, candidate.columns + j) for i, j in steps]
        return [one for one in near if self._exists(one.vectors) and self._exists(one.columns)]

    def value(self, position: int) -> float:
        """Return the value at a position of the grid or beyond its ends."""
        grid, last = self.grid, len(self.grid) - 1
        if 0 <= position <= last:
            return float(grid[position])
        end, before, steps = (grid[0], grid[1], -position) if position < 0 else (grid[-1], grid[-2], position - last)
        value = end * (end / before) ** steps
        return float(round(value) if self.kind.counts else f"{value:.6g}")  # 10, and not 10.000000000000002

    def factor(self, candidate: Candidate) -> float:
        """Return the number by which the standardised columns are multiplied.

        With this factor, the penalty of the value for the vectors acts on the columns as that of their own value.
        """
        if candidate.vectors == candidate.columns:
            return 1.0
        return self.kind.factor(self.value(candidate.vectors), self.value(candidate.columns))

    def _exists(self, position: int) -> bool:
        if 0 <= position < len(self.grid):
            return True
        low, high = self.kind.bounds
        return self.goes_on and low <= self.value(position) <= high
