"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.contents import Disputed, FeedbackSummary, HistoryRow, Overruling, ReportContents, StageCost
from prefopt.report.page import write_report

__all__ = ["Disputed", "FeedbackSummary", "HistoryRow", "Overruling", "ReportContents", "StageCost", "write_report"]
