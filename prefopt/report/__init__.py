"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.facts import FeedbackFacts, HistoryRow, Overruling, ReportFacts
from prefopt.report.page import write_report

__all__ = ["FeedbackFacts", "HistoryRow", "Overruling", "ReportFacts", "write_report"]
