"""The page of `make report`, outputs/report.html, which shows the results of all runs and of the blend.

SECTIONS lists the functions that make the sections, in the order of the page. To add a section, write a function that
takes a ReportData and returns a Section or None, and add this function to SECTIONS.
"""

from pathlib import Path

from comp.pages import page
from comp.pages.report import (
    blend_weights,
    calibration_plots,
    class_scores,
    confusion,
    heat_maps,
    learning_curves,
    mistakes_gallery,
    score_tables,
)
from comp.pages.report.report_data import ReportData
from comp.store.paths import page_file

SECTIONS = (  # a function returns None if its section does not fit the target, or if there is nothing to show
    score_tables.section,
    learning_curves.section,
    confusion.section,
    confusion.number_section,
    class_scores.section,
    calibration_plots.section,
    blend_weights.section,
    heat_maps.section,
    mistakes_gallery.section,
)


def write_report(data: ReportData) -> Path:
    """Write the report to outputs/report.html. Returns the path of the file."""
    sections = [section for function in SECTIONS if (section := function(data))]
    competition, path = data.competition, page_file(data.outputs, "report")
    lead = (
        f"Target: {competition.target}, {competition.size:,} class{'' if competition.size == 1 else 'es'}, "
        f"{len(data.images):,} rows. All scores are out of fold: each photo was predicted by a model that did not "
        "train on it."
    )
    missing = [(note.text, note.run) for note in data.notes]
    page.write_page(path, "Report of the runs", sections, lead=lead, missing=missing)
    return path
