"""The settings of an embedding run: those of a recipe that a frozen model depends on, and those of the classifier."""

import dataclasses
from dataclasses import dataclass

from comp.competition.competition import Competition
from comp.recipes import catalog, settings
from comp.recipes.recipe import Recipe
from comp.tabular import classifier_settings
from comp.tabular.classifier_settings import ClassifierSettings

OF_MODEL = ("pretrained", "image_size", "crop", "fit", "mean", "std", "tta", "amp", "channels_last", "batch_size")
SPEED = ("cache",)  # does not change the result
HELP = "correct that setting; .venv/bin/python tools/embed.py --help describes all of them"


@dataclass(frozen=True)
class EmbedRecipe:
    """recipe: the model and how photos go in; classifier: what learns from the embeddings."""

    recipe: Recipe
    classifier: ClassifierSettings

    def plain(self) -> dict:
        """All settings that the result depends on, as recipe.json keeps them."""
        of_model = {key: getattr(self.recipe, key) for key in ("name", "model", *OF_MODEL, "seed")}
        return of_model | dataclasses.asdict(self.classifier)


def chosen(model: str, text: str, seed: int, competition: Competition) -> EmbedRecipe:
    """The settings of MODEL under SET=text. A named recipe gives its image size, crop and normalisation.

    Raises InputError for an unknown setting, and for values that are not allowed or do not fit the target.
    """
    of_recipe = {key: type(getattr(Recipe(), key)) for key in (*OF_MODEL, *SPEED)}
    given = settings.parsed(text, of_recipe | classifier_settings.types(), HELP)
    changes = {key: value for key, value in given.items() if key in of_recipe}
    named = catalog.get(model, competition.defaults)
    recipe = settings.validated(dataclasses.replace(named, **changes, head="auto", loss="auto", seed=seed))
    own = ClassifierSettings(**{key: value for key, value in given.items() if key not in of_recipe})
    return EmbedRecipe(recipe, classifier_settings.resolved(own, competition, HELP))
