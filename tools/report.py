"""Write a page on the runs and the blend, which opens offline: curves, confusion, calibration, mistakes with photos.

reads   outputs/competition.json, folds.csv, <run>/fold<k>/oof.npz, history.csv, blend/; the photos of the worst rows
writes  outputs/report.html

The page names each thing that is missing and the command that makes it, and shows all the rest.
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, _ = project_and_options(__doc__)
    from comp.pages.report import report, report_data

    data = report_data.load_report_data(project)
    path = report.write_report(data)
    for note in data.notes:
        console.warn(note.text + (f"; {note.run}" if note.run else ""))
    console.say(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB), which opens in a browser")


if __name__ == "__main__":
    console.run_stage(main)
