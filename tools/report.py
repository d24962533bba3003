"""Write an HTML page about the runs and the blend: learning curves, confusion, calibration and the worst mistakes.

reads   outputs/competition.json, folds.csv, <run>/fold<k>/oof.npz, history.csv, blend/; the photos of the mistakes
writes  outputs/report.html, one file that opens offline

If a file is missing, the page names the command that makes the file, and shows everything else.
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, _ = project_and_options(__doc__)
    from comp.pages.report import report, report_data

    data = report_data.load_report_data(project)
    path = report.write_report(data)
    for note in data.notes:
        console.warn(note.text, note.run)
    console.say(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB), which opens in a browser")


if __name__ == "__main__":
    console.run_stage(main)
