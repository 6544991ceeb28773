"""What a published round consists of: its files, and lineage.json, which says where they come from and holds the digest of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from prefopt.config import AnswerSettings, ProjectConfig, PromptSettings
from prefopt.model.adapter_card import CARD, CONFIG, WEIGHTS
from prefopt.records import Decision, Outcome, Record

README, CALIBRATION_FILE, DECISION_FILE = "README.md", "calibration.json", "decision.json"
LINEAGE, TAXONOMY, REPORT_FILE = "lineage.json", "taxonomy.csv", "report.html"
ADAPTER_FILES = (WEIGHTS, CONFIG, CARD)
REQUIRED = (*ADAPTER_FILES, README, CALIBRATION_FILE, DECISION_FILE, LINEAGE, TAXONOMY)
FILES = (*REQUIRED, REPORT_FILE)
BESIDE = (".gitattributes", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE")
"""Files that a repository may hold besides; they are neither written nor read."""
MAIN = "main"

_MIB = 2**20
LIMITS: Mapping[str, int] = {WEIGHTS: 2**35, CALIBRATION_FILE: 64 * _MIB, TAXONOMY: 16 * _MIB, REPORT_FILE: 256 * _MIB}
"""Most bytes of a file; of all others SMALL."""
SMALL = 4 * _MIB

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "project": ("seed", "language"),
    "domain": ("language", "subject", "item", "label", "framework"),
    "model": ("dtype", "quantized", "nf4_attention", "attention"),
    "prompt": tuple(PromptSettings.model_fields),
    "answer": tuple(AnswerSettings.model_fields),
    "posterior": ("analyses",),
    "calibrate": ("confidence", "agreed_error"),
}
"""Settings that are published: those without which the adapter would answer otherwise, or its thresholds say something else. None of them
is a path, an address or a name of a file. The shape of the adapter is on its card.
"""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
AdapterId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
RoundNumber = Annotated[int, Field(ge=0, le=999)]


class PublishedFile(Record):
    """One file of a published round."""

    size: Annotated[int, Field(ge=0)]
    sha256: Digest


class DataDigest(Record):
    """What the round was made from, by its digest alone."""

    sha256: Digest
    rows: int | None = None


class BaseOf(Record):
    """The base model of the adapter."""

    name: Annotated[str, Field(pattern=r"^(tiny|[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})$")]
    """On the Hub; "tiny" for the tiny gpt-oss of prefopt."""
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./+-]{0,200}$")] | None
    id: Digest
    """Of all its parts (prefopt.model.identity)."""


class ParentOf(Record):
    """The round that this one was trained from."""

    round: RoundNumber
    commit: Commit
    """That its tag points to."""
    adapter: AdapterId


class Lineage(Record):
    """lineage.json."""

    format: Literal[1] = 1
    round: RoundNumber
    recipe: str
    adapter: AdapterId
    """In its project; other programs may read it with other weights, of the same function (prefopt.model.root_scaling)."""
    first: AdapterId
    """Of round 000: rounds of another one belong to another project."""
    base: BaseOf
    parent: ParentOf | None
    source: str = ""
    """Of a round 000 that was taken from the Hub: from where."""
    data: dict[str, DataDigest]
    versions: dict[str, str]
    """Of the packages that trained it."""
    settings: dict[str, dict[str, str | bool | int | float | tuple[str, ...]]]
    """By section; see SETTINGS."""
    files: dict[str, PublishedFile]
    """All files but this one."""


class PublishedDecision(Record):
    """decision.json: the rule's decision with its grounds, and what holds where a person decided otherwise (without the reason)."""

    outcome: Outcome
    by: Literal["rule", "person"]
    decision: Decision


def tag_of(number: int) -> str:
    """The tag of a round, e.g. round-003."""
    return f"round-{number:03d}"


def branch_of(number: int) -> str:
    """The branch of a round that is not promoted."""
    return f"candidate-{number:03d}"


def limit_of(name: str) -> int:
    """Most bytes that a file of a published round may have."""
    return LIMITS.get(name, SMALL)


def published_settings(config: ProjectConfig) -> dict[str, dict[str, Any]]:
    """The settings of a round that are published."""
    values = config.model_dump(mode="json")
    return {section: {key: values[section][key] for key in keys if key in values[section]} for section, keys in SETTINGS.items()}
