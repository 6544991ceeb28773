"""The sentences on the audit: sealed, unfinished, opened, in both languages and with the same numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from prefopt.grounds import Estimate
from prefopt.project.audit import AuditFigures, Opening
from prefopt.report.wording.audit import opening_sentences, sealed_sentence

FIGURES = AuditFigures(
    accuracy=Estimate(value=0.425, low=0.336, high=0.519),
    brier=Estimate(value=0.7312, low=0.65, high=0.813),
    confidence_level=0.95,
    posteriors_sha256="0" * 64,
)
OPENING = Opening(
    round=3,
    adapter_sha256="1" * 64,
    at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    because="the school year ends",
    file="data/audit.jsonl",
    file_sha256="2" * 64,
    problems=tuple(f"a{i}" for i in range(120)),
    groups=80,
    figures=FIGURES,
)


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:\.\d+)?", text))


def test_both_languages_say_the_same_numbers():
    for said in (sealed_sentence(120), *opening_sentences(OPENING), *opening_sentences(OPENING.model_copy(update={"figures": None}))):
        assert numbers(said.ko) == numbers(said.en)
    found, _ = opening_sentences(OPENING)
    assert "42.5% (95% interval 33.6–51.9%), Brier score 0.731 (0.650 ~ 0.813)" in found.en
    assert "120" in found.ko


def test_an_unfinished_opening_claims_no_result():
    begun, _ = opening_sentences(OPENING.model_copy(update={"figures": None}))
    assert "accuracy" not in begun.en
    assert "정확도" not in begun.ko
