"""Where a run's models look in a photo: Grad-CAM for the prediction and the truth, by models that did not train on it.

reads   outputs/<run>/recipe.json, fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/looks/, outputs/look.html; `make report` shows all of outputs/looks/

A training photo is shown to the model of its own fold, a test photo to the models of all folds.
"""

from options import competition_of, parser

from comp import console
from comp.prediction import look_at_photo
from comp.store import fold_table
from comp.store.runs import Run, folds_file
from comp.text import split_names


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    folds = fold_table.load_folds(folds_file(args.outputs), competition)
    run = Run(args.outputs, args.run)
    look_at_photo.check_run(run)
    there = look_at_photo.photo_names(folds, competition, args.inputs)
    wanted = split_names(args.image, set(there).__contains__) or [""]
    chosen = [look_at_photo.chosen_photo(name, run, folds, competition, args.inputs) for name in wanted]
    from comp.pages.report import heat_maps

    made = [look_at_photo.look_at(run, photo, competition, args.inputs) for photo in chosen]
    path = heat_maps.write_look(args.outputs, made)
    rows = [[look.image, heat.title, heat.value] for look, _ in made for heat in look.heats]
    console.table(f"{run.name}: where it looks", ["photo", "for", "probability or number"], rows)
    console.say(f"wrote {path}: open it in a browser; make report shows it, too")


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default="", help="a trained run")
    made.add_argument("--image", default="", help="images of folds.csv, or test photos; several with blanks between")
    return made.parse_args()


if __name__ == "__main__":
    console.run_stage(main)
