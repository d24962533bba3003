"""The sections of the report, in their order. To add one, write a function of ReportData and put it into SECTIONS.

outputs/report.html from the sections.
"""

from pathlib import Path

from comp.pages import page
from comp.pages.page import ReportSection
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

SECTIONS = (  # each gives None where the target has no such section
    score_tables.section,
    learning_curves.section,
    confusion.confusion_section,
    confusion.number_section,
    class_scores.section,
    calibration_plots.section,
    blend_weights.section,
    heat_maps.section,
    mistakes_gallery.section,
)


def all_sections(data: ReportData) -> list[ReportSection]:
    """The sections of these data."""
    return [section for function in SECTIONS if (section := function(data))]


def write_report(data: ReportData) -> Path:
    """Write the report; returns its path."""
    made, path = all_sections(data), page_file(data.outputs, "report")
    scripts = tuple(dict.fromkeys(name for section in made for name in section.scripts))
    page.write_page(
        path, "Report of the runs", "report/report.html.j2", scripts=scripts, sections=made, notes=data.notes, data=data
    )
    return path
