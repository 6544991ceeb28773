"""The settings that a stage declares are those that it reads, seen in a run of all stages."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from prefopt.rounds.order import STAGES
from prefopt.rounds.stage import PROJECT, DeclaredSettings
from tests.command_line import CommandLine
from tests.e2e.small import write_small_project
from tests.recipes.hint_projects import SETTINGS, Edited, finish_base, start_pairs

BY_THE_RULE_ALONE = {"decide"}
"""Read by the report where the rule, and not a person, chose the adapter in use: its accuracy corrected for the choice."""


def test_every_stage_reads_the_settings_that_it_declares_and_no_others(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: dict[str, set[str]] = defaultdict(set)
    plain = DeclaredSettings.__getattr__

    def record(self: DeclaredSettings, name: str) -> Any:
        value = plain(self, name)
        if not isinstance(value, DeclaredSettings):
            read[self._stage].add(f"{self._section}{name}")
        return value

    monkeypatch.setattr(DeclaredSettings, "__getattr__", record)
    project = Edited(CommandLine(write_small_project(tmp_path / "small", SETTINGS.format(base=base_path)), monkeypatch, capsys))
    texts = '{"id": "1", "text": "하늘이 맑다."}\n{"id": "2", "text": "비가 온다."}\n'
    (project.folder / "data" / "texts.jsonl").write_text(texts, encoding="utf-8")
    project.set("data", general_texts="data/texts.jsonl")
    project.set("feedback", gold_share=0.2, gold_file="")
    project.set("sample", slates=5)
    finish_base(project)
    start_pairs(project)
    project.command("round")
    declared = {name: set(stage.settings) - {PROJECT} for name, stage in STAGES.items()}
    found = {name: read[name] - {PROJECT} for name in STAGES}
    assert found.pop("report") == declared.pop("report") - BY_THE_RULE_ALONE
    by_reliability = {"feedback.overlap", "feedback.double_share"}  # read where votes are weighed by it
    assert found.pop("pair") == declared.pop("pair") - by_reliability
    assert found == declared
