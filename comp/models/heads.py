"""What stands between a network's outputs and the competition's target.

A head knows how many outputs the network has, how labels become training targets, and how outputs become
probabilities. Training targets are float32 (B, T): mixing two photos mixes their targets linearly.

| target             | head       | outputs                 | training targets (B, T)      | probs (B, C)              |
|--------------------|------------|-------------------------|------------------------------|---------------------------|
| multiclass, binary | classes    | C                       | one-hot                      | softmax                   |
|                    | attributes | one per attribute value | one-hot                      | softmax of their sums     |
|                    | bins       | the bins of each class  | the bins of the class        | sums of the class's bins  |
| multilabel         | classes    | C                       | 0 and 1                      | a sigmoid each            |
| ordinal            | classes    | C                       | one-hot                      | softmax                   |
|                    | regression | 1                       | the grade, scaled to 0 … 1   | on the two nearest grades |
|                    | cumulative | C - 1: P(y > k)         | 0 and 1                      | differences of P(y > k)   |
| regression         | regression | 1                       | the value, scaled to 0 … 1   | the value (B, 1)          |
|                    | bins       | one per point           | shared by two nearest points | the expectation (B, 1)    |

Letters: B batch, T training targets, C classes.
"""

from comp.competition.competition import Competition
from comp.competition.soft_labels import fine_cells, range_of
from comp.competition.training_label_policy import named_numbers
from comp.models.heads_of_classes import Attributes, ClassBins, Classes, Cumulative, Labels, attribute_table
from comp.models.heads_of_numbers import Bins, Number
from comp.recipes.recipe import Recipe
from comp.recipes.resolved import resolved

Head = Classes | Labels | Number


def build(recipe: Recipe, competition: Competition) -> Head:
    """The head of a recipe; InputError for one that does not go with the competition's target."""
    recipe, size = resolved(recipe, competition), competition.size
    if recipe.head == "attributes":
        return Attributes(attribute_table(competition.attribute_values))
    if recipe.head == "bins":
        return _bins(recipe, competition)
    if recipe.head == "cumulative":
        return Cumulative(size - 1)
    if recipe.head == "regression":
        return _number(recipe, competition)
    return Labels(size) if competition.target == "multilabel" else Classes(size)


def _bins(recipe: Recipe, competition: Competition) -> Bins | ClassBins:
    if competition.target == "regression":
        return Bins(recipe.bins, *competition.limits)
    [column] = named_numbers("soften", recipe.soften)
    return ClassBins(fine_cells(competition, range_of(column, competition), recipe.bin_edges).of_class)


def _number(recipe: Recipe, competition: Competition) -> Number:
    squashed = "bce" in recipe.loss
    if competition.target == "ordinal":
        return Number(0, competition.size - 1, squashed, grades=competition.size)
    return Number(*competition.limits, squashed)
