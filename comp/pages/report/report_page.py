"""outputs/report.html from the sections."""

from pathlib import Path

from comp.pages import page
from comp.pages.report import sections
from comp.pages.report.report_data import ReportData
from comp.store.paths import report_file


def write(data: ReportData) -> Path:
    """Write the report; returns its path."""
    made, path = sections.made(data), report_file(data.outputs)
    scripts = tuple(dict.fromkeys(name for section in made for name in section.scripts))
    page.write(
        path, "Report of the runs", "report/report.html.j2", scripts=scripts, sections=made, notes=data.notes, data=data
    )
    return path
