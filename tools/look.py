"""Show where the models of a run look in a photo: Grad-CAM heat maps for the predicted and the true answer.

reads   outputs/<run>/recipe.json, fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/looks/, outputs/look.html; `make report` shows all pictures in outputs/looks/

Only models that did not train on the photo are used. For a training photo, this is the model for which the photo was
held out. For a test photo, these are the models of all folds, and only the predicted answer has a heat map.
"""

from options import project_and_options

from comp import console
from comp.text import split_names


def main() -> None:
    project, given = project_and_options(__doc__, "run", "image")
    from comp.pages.report import heat_maps
    from comp.prediction import look_at_photo

    run = project.run(given.run)
    look_at_photo.check_run(project, run)
    names = split_names(given.image, set(look_at_photo.photo_names(project)).__contains__) or [""]
    photos = [look_at_photo.chosen_photo(project, run, name) for name in names]
    looks = [look_at_photo.look_at(project, run, photo) for photo in photos]
    path = heat_maps.write_look(project.outputs, looks)
    rows = [[look.image, heat.title, heat.value] for look, _ in looks for heat in look.heats]
    columns = ["photo", "answer that the heat map is for", "probability or number"]
    console.table(f"where the run {run.name} looks", columns, rows)
    console.say(f"wrote {path}, which opens in a browser; `make report` shows the same pictures")


if __name__ == "__main__":
    console.run_stage(main)
