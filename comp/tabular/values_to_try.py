"""Which values of a classifier's hyperparameter are tried, and where the search goes on from the best one.

The search begins with the values of the grid. It then goes on to the neighbours of the best candidate, from there to
the neighbours of the best neighbour, and so on, until no neighbour is clearly better. A grid that the user gave is
never left. Beyond the ends of a classifier's own grid, the values go on in the ratio of the last two values, up to the
bounds of the classifier.

If the rows have vectors (embeddings or predictions) and columns, a candidate also has a factor, by which the
standardised columns are multiplied. Without it, 200 good columns would drown among 1,280 features of which most are
noise. For logistic and ridge, the factor is the same as a penalty for the columns alone: a factor of 10 divides this
penalty by 100. For knn, it is the weight of the columns in the distance. Trees do not need it, because they only
compare a feature with thresholds.
"""

from dataclasses import dataclass

from comp.tabular.classifiers import Kind

STEP = 10**0.5  # from one factor to the next; changes the penalty of the columns as much as the next value of the grid
MOST_STEPS = 4  # factors go from 1/100 to 100

# A step must improve the score by this share. Otherwise the search would go on to the bounds for nothing: from some
# value on, a penalty is so small that a smaller one hardly changes the predictions.
CLEAR = 1e-4


@dataclass(frozen=True, order=True)
class Candidate:
    """A value of the hyperparameter, as its position in the grid, and a factor, as the number of steps from 1.

    Positions below 0, or from the length of the grid on, are beyond the ends of the grid.
    """

    position: int
    steps: int = 0

    @property
    def factor(self) -> float:
        """The number by which the standardised columns are multiplied."""
        return STEP**self.steps


class ValuesToTry:
    """The candidates for the hyperparameter of one classifier.

    kind: the classifier. given: the values that the user wants to try, or () for the classifier's own values. both:
    whether the rows have both vectors and columns.
    """

    def __init__(self, kind: Kind, given: tuple[float, ...], both: bool):
        self.kind, self.grid, self.goes_on = kind, given or kind.grid, not given
        self.has_factors = both and kind.scaled

    @property
    def first(self) -> list[Candidate]:
        """The candidates with which the search begins: all values of the grid, from the simplest model on."""
        return [Candidate(i) for i in range(len(self.grid))]

    def neighbours(self, candidate: Candidate) -> list[Candidate]:
        """Return the candidates that are one step away from `candidate`."""
        steps = [(-1, 0), (1, 0)]
        if self.has_factors:  # the last two change the penalty of the vectors alone
            steps += [(0, -1), (0, 1), (-1, 1), (1, -1)]
        near = [Candidate(candidate.position + i, candidate.steps + j) for i, j in steps]
        return [one for one in near if self._exists(one.position) and abs(one.steps) <= MOST_STEPS]

    def value(self, candidate: Candidate) -> float:
        """Return the value of a candidate, which is in the grid or beyond its ends."""
        return self._value(candidate.position)

    def _value(self, position: int) -> float:
        grid, last = self.grid, len(self.grid) - 1
        if 0 <= position <= last:
            return float(grid[position])
        end, before, steps = (grid[0], grid[1], -position) if position < 0 else (grid[-1], grid[-2], position - last)
        value = end * (end / before) ** steps
        return float(round(value) if self.kind.counts else f"{value:.6g}")  # 10, and not 10.000000000000002

    def _exists(self, position: int) -> bool:
        if 0 <= position < len(self.grid):
            return True
        low, high = self.kind.bounds
        return self.goes_on and low <= self._value(position) <= high
