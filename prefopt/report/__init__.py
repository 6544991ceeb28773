"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.facts import Disputed, FeedbackFacts, HistoryRow, Overruling, ReportFacts, StageCost
from prefopt.report.page import write_report

__all__ = ["Disputed", "FeedbackFacts", "HistoryRow", "Overruling", "ReportFacts", "StageCost", "write_report"]
