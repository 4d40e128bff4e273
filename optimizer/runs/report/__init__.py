"""The report of a run: one HTML file that works offline, drawn here as plain SVG; nothing comes from outside, and it reads without scripts."""

from optimizer.runs.report.page import report_html

__all__ = ["report_html"]
