"""What stands between a network's outputs and the competition's target.

A head knows how many outputs the network has, how labels become training targets, and how outputs become
probabilities. Training targets are float32 (B, T): mixing two photos mixes their targets linearly.

| target             | head       | outputs                 | training targets (B, T)      | probs (B, C)              |
|--------------------|------------|-------------------------|------------------------------|---------------------------|
| multiclass, binary | classes    | C                       | one-hot                      | softmax                   |
|                    | attributes | one per attribute value | one-hot                      | softmax of their sums     |
| multilabel         | classes    | C                       | 0 and 1                      | a sigmoid each            |
| ordinal            | classes    | C                       | one-hot                      | softmax                   |
|                    | regression | 1                       | the grade, scaled to 0 … 1   | on the two nearest grades |
|                    | cumulative | C - 1: P(y > k)         | 0 and 1                      | differences of P(y > k)   |
| regression         | regression | 1                       | the value, scaled to 0 … 1   | the value (B, 1)          |
|                    | bins       | one per point           | shared by two nearest points | the expectation (B, 1)    |

Letters: B batch, T training targets, C classes.
"""

from comp.competition.competition import Competition
from comp.models.heads_of_classes import Attributes, Classes, Cumulative, Labels, attribute_table
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
        return Bins(recipe.bins, *competition.limits)
    if recipe.head == "cumulative":
        return Cumulative(size - 1)
    if recipe.head == "regression":
        squashed = "bce" in recipe.loss
        if competition.target == "ordinal":
            return Number(0, size - 1, squashed, grades=size)
        return Number(*competition.limits, squashed)
    return Labels(size) if competition.target == "multilabel" else Classes(size)
