"""What `prefopt serve` writes down: every answer it gave, and every word of a teacher on one of them."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from prefopt.deploy.predictor import Classifier, Share
from prefopt.inuse.assignment import Arm
from prefopt.records import Id, Record

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, of ULIDs
ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"

PredictionId = Annotated[str, Field(pattern=ULID)]
"""A ULID: sorts by time, and its last 80 bits are random."""


class ServedPrediction(Record):
    """An answer that was given: one line of predictions-YYYYMMDD.jsonl, which is on the disk before the answer leaves."""

    prediction: PredictionId
    id: Id
    """Of the problem, as the client calls it."""
    at: datetime
    client: str = ""
    text: str | None = None
    """None with serve.keep_texts = false."""
    text_sha256: str
    """Equal for all spellings that a comparison of adapters takes for one text (prefopt.inuse.assignment.unit_digest)."""
    label: str
    name: str
    probability: Share
    confidence: Share
    set: tuple[str, ...]
    decision: Literal["accept", "review"]
    """What was answered: review for all while nothing is accepted."""
    confident: bool
    """Whether the confidence reaches the threshold of acceptance, whatever was answered."""
    audit: bool
    """Drawn at random to be judged by a teacher who does not see the answer."""
    coverage: Share
    """Probability that the model gives to the labels of the taxonomy; `label_mass` of a Prediction."""
    adapter: str
    round: int
    arm: Arm = "a"
    comparison: Id | None = None
    """Id of the comparison of two adapters during which it was given, with both in memory."""
    classifier: Classifier = "adapter"
    engine: str = ""
    """URLs of the servers that scored; empty: the serving process."""


class EngineEvent(Record):
    """What happened to the servers that score: one line of engine.jsonl."""

    at: datetime
    event: Literal["checked", "lost", "back"]
    """checked: its posteriors were compared before it answered; lost: it failed, and nothing is answered; back: compared again."""
    engine: str
    adapter: str
    round: int
    why: str = ""
    distance: float | None = None
    """Largest total variation distance to the posteriors of the calibration."""


class Correction(Record):
    """A teacher's word on an answer: one line of corrections-YYYYMMDD.jsonl."""

    prediction: PredictionId
    at: datetime
    label: str | None = None
    """The right label; None where none of the taxonomy is right."""
    by: str
    seen: bool
    """Whether the teacher had seen the answer."""
    right: bool
    """The label is the one that was answered."""


class Lifted(Record):
    """A person accepts answers again after an alarm: one line of lifted.jsonl."""

    at: datetime
    adapter: str
    because: str


def new_id(seconds: float | None = None) -> str:
    """A ULID of a time in seconds since 1970, or of now."""
    number = int((time.time() if seconds is None else seconds) * 1000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def time_of(prediction: str) -> float:
    """Seconds since 1970 at which a prediction got its id."""
    number = 0
    for char in prediction[:10]:
        number = number << 5 | _ALPHABET.index(char)
    return number / 1000


def share_of(prediction: str) -> float:
    """A number in [0, 1) that is drawn with the id: the same for everybody who reads it."""
    return int.from_bytes(hashlib.sha256(prediction.encode()).digest()[:8], "big") / 2**64
