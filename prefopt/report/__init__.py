"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.contents import (
    CollectedAnswers,
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
    "CollectedAnswers",
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
