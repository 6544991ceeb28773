"""The report of a round: one HTML file for people, one JSON file with every number in it."""

from prefopt.report.contents import (
    CollectedAnswers,
    Disputed,
    Effort,
    FeedbackSummary,
    HistoryRow,
    LeadSection,
    Ledger,
    LedgerRow,
    Moved,
    Moves,
    Overruling,
    PoolSection,
    ReportContents,
    SchoolSection,
    StageCost,
    TrainingFacts,
    Warnings,
)
from prefopt.report.page import write_report

__all__ = [
    "CollectedAnswers",
    "Disputed",
    "Effort",
    "FeedbackSummary",
    "HistoryRow",
    "LeadSection",
    "Ledger",
    "LedgerRow",
    "Moved",
    "Moves",
    "Overruling",
    "PoolSection",
    "ReportContents",
    "SchoolSection",
    "StageCost",
    "TrainingFacts",
    "Warnings",
    "write_report",
]
