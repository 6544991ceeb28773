"""How simulated teachers err reaches the report: recorded, read again, in both languages, in the numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from feedback.simulated import Simulation
from prefopt.errors import ProjectError
from prefopt.project.project import Project, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rankings.simulation_rates import SimulationRates
from prefopt.report.page import figures, render
from prefopt.report.wording.teachers_section import simulation_sentence
from prefopt.rounds.reading import Reader
from prefopt.rounds.simulation import FILE, Simulated, record_simulation
from tests.unit.posteriors import report_contents

RATES = Simulation(error_rate=0.13, fatigue=0.04, label_error=0.11, shared_error=0.06, position_bias=0.17, disagreement=0.03, copycats=1)


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "prefopt.toml").write_text("", encoding="utf-8")
    return open_project(tmp_path)


def test_the_rates_of_the_command_are_read_as_they_were_recorded(project):
    rnd = freeze_round(project, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    reader = Reader(rnd)
    assert Simulated().load(reader) is None
    record_simulation(rnd, RATES.plain())
    assert Simulated().load(reader) == SimulationRates.model_validate(RATES.plain())
    assert "simulation" in reader.inputs  # a later change is noticed
    (rnd.folder / FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(ProjectError, match="not what prefopt wrote"):
        Simulated().load(reader)


def test_a_branch_that_links_the_answers_has_their_rates(project):
    rnd = freeze_round(project, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    record_simulation(rnd, RATES.plain())
    (rnd.folder / "collect").mkdir()
    branch = freeze_round(project, 2, {"round": 2, "recipe": "dpo", "parent": 0, "branch": 1})
    (branch.folder / "collect").symlink_to(rnd.folder / "collect", target_is_directory=True)
    assert Simulated().load(Reader(branch)) == SimulationRates.model_validate(RATES.plain())


def test_a_missing_or_unknown_rate_is_refused(project):
    rnd = freeze_round(project, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    for wrong in ({"error_rate": 0.1}, {**RATES.plain(), "mood": 1.0}):
        with pytest.raises(ValidationError):
            record_simulation(rnd, wrong)


def test_the_report_names_every_rate_in_both_languages():
    contents = report_contents()
    rates = SimulationRates.model_validate(RATES.plain())
    shown = replace(contents, feedback=replace(contents.feedback, simulation=rates))
    sentence = simulation_sentence(rates)
    for text in sentence:
        assert sorted(re.findall(r"\d+%?", text)) == sorted(["3", "13%", "4%", "11%", "6%", "17%", "3%", "1"])
        assert text in render(shown)
        assert text not in render(contents)
    assert figures(shown)["feedback"]["simulation"] == RATES.plain()
