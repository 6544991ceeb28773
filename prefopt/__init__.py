"""prefopt: fine-tune a classifier with teachers' rankings, one round at a time, with a calibration report after each.

The public API is what `__all__` lists. Each name is imported from its module on first use (PEP 562), so that `import prefopt` loads
neither torch nor pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, ProjectConfig, PromptSettings
    from prefopt.deploy.opened import HoldoutPrediction, OpenProject, OpenRound, RoundSummary, Rows, StageSummary, open
    from prefopt.deploy.predictor import Prediction, Predictor
    from prefopt.errors import (
        CalibrationError,
        ConfigError,
        DataError,
        FeedbackError,
        ModelError,
        PluginError,
        PrefoptError,
        ProjectError,
        TrainingError,
    )
    from prefopt.project.project import Project, Round, open_project
    from prefopt.protocols import ExtraInput, FeedbackContext, FeedbackSource, OnStep, Recipe, TrainedAdapter, TrainingJob
    from prefopt.records import (
        Answer,
        Candidate,
        Decision,
        Dropped,
        Judged,
        Pair,
        Problem,
        Progress,
        Ranking,
        Receipt,
        Record,
        Slate,
        SlateVotes,
        Vote,
    )
    from prefopt.taxonomy import Label, Taxonomy, read_taxonomy

__version__ = "0.1.0"

_MODULES: dict[str, tuple[str, ...]] = {
    "prefopt.config": ("AdapterSettings", "AnswerSettings", "ModelSettings", "ProjectConfig", "PromptSettings"),
    "prefopt.deploy.opened": ("HoldoutPrediction", "OpenProject", "OpenRound", "RoundSummary", "Rows", "StageSummary", "open"),
    "prefopt.deploy.predictor": ("Prediction", "Predictor"),
    "prefopt.errors": (
        "CalibrationError",
        "ConfigError",
        "DataError",
        "FeedbackError",
        "ModelError",
        "PluginError",
        "PrefoptError",
        "ProjectError",
        "TrainingError",
    ),
    "prefopt.project.project": ("Project", "Round", "open_project"),
    "prefopt.protocols": ("ExtraInput", "FeedbackContext", "FeedbackSource", "OnStep", "Recipe", "TrainedAdapter", "TrainingJob"),
    "prefopt.records": (
        "Answer",
        "Candidate",
        "Decision",
        "Dropped",
        "Judged",
        "Pair",
        "Problem",
        "Progress",
        "Ranking",
        "Receipt",
        "Record",
        "Slate",
        "SlateVotes",
        "Vote",
    ),
    "prefopt.taxonomy": ("Label", "Taxonomy", "read_taxonomy"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped by what they are, as in the API reference
    "__version__",
    # a project and its rounds
    "Project",
    "ProjectConfig",
    "Round",
    "open_project",
    # a project as typed rows and data frames
    "HoldoutPrediction",
    "OpenProject",
    "OpenRound",
    "RoundSummary",
    "Rows",
    "StageSummary",
    "open",
    # the adapter in use
    "Prediction",
    "Predictor",
    # ports for plug-ins
    "AdapterSettings",
    "AnswerSettings",
    "ExtraInput",
    "FeedbackContext",
    "FeedbackSource",
    "ModelSettings",
    "OnStep",
    "PromptSettings",
    "Recipe",
    "TrainedAdapter",
    "TrainingJob",
    # records
    "Answer",
    "Candidate",
    "Decision",
    "Dropped",
    "Judged",
    "Label",
    "Pair",
    "Problem",
    "Progress",
    "Ranking",
    "Receipt",
    "Record",
    "Slate",
    "SlateVotes",
    "Taxonomy",
    "Vote",
    "read_taxonomy",
    # errors
    "CalibrationError",
    "ConfigError",
    "DataError",
    "FeedbackError",
    "ModelError",
    "PluginError",
    "PrefoptError",
    "ProjectError",
    "TrainingError",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use. Raises AttributeError for any other name."""
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
