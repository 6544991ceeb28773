"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.contents import (
    Disputed,
    FeedbackSummary,
    HistoryRow,
    Ledger,
    LedgerRow,
    Overruling,
    PoolSection,
    ReportContents,
    SchoolSection,
    StageCost,
    TrainingFacts,
)
from prefopt.report.page import write_report

__all__ = [
    "Disputed",
    "FeedbackSummary",
    "HistoryRow",
    "Ledger",
    "LedgerRow",
    "Overruling",
    "PoolSection",
    "ReportContents",
    "SchoolSection",
    "StageCost",
    "TrainingFacts",
    "write_report",
]
