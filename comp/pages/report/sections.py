"""The sections of the report, in their order. To add one, write a function of ReportData and put it into SECTIONS."""

from comp.pages.report import (
    section_blend,
    section_calibration,
    section_classes,
    section_confusion,
    section_curves,
    section_gallery,
    section_numbers,
    section_scores,
)
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section

SECTIONS = (  # each gives None where the target has no such section
    section_scores.section,
    section_curves.section,
    section_confusion.section,
    section_numbers.section,
    section_classes.section,
    section_calibration.section,
    section_blend.section,
    section_gallery.section,
)


def made(data: ReportData) -> list[Section]:
    """The sections of these data."""
    return [section for function in SECTIONS if (section := function(data))]
