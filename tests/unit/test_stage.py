"""A stage is what it declares: parameters, artifacts, and nothing else that it could open."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import ProjectError, UndeclaredReadError
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Slate
from prefopt.rounds import order
from prefopt.rounds.artifacts import ARTIFACTS, DROPPED, PREFERENCES, SLATES, Rows
from prefopt.rounds.graph import graph_lines
from prefopt.rounds.machine import run_stage
from prefopt.rounds.reading import read
from prefopt.rounds.stage import CONTEXT, Outcome, Produced, Workspace, stage
from tests.stages import finish_stage
from tests.unit.rankings_cases import slate


class Counted(Outcome):
    rows: int

    def line(self) -> str:
        return f"{self.rows} rows"


@pytest.fixture
def rnd(tmp_path: Path) -> Round:
    """Round 1, with its slates."""
    (tmp_path / "prefopt.toml").write_text("")
    found = freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "dpo", "parent": 0})
    finish_stage(found, {SLATES: [slate("s1")]})
    return found


def plant(monkeypatch: pytest.MonkeyPatch, function: Any, **declared: Any) -> None:
    """Put a stage of our own in the place of `pair`."""
    found = stage(outcome=Counted, writes=(PREFERENCES, DROPPED), **{"reads": {"slates": SLATES}, **declared})(function)
    monkeypatch.setitem(order.STAGES, "pair", found)  # type: ignore[arg-type]  # the mapping is a dict


def test_a_declared_stage_gets_its_values_and_writes_its_artifacts(rnd, monkeypatch):
    def pair(slates: list[Slate]) -> Produced[Counted]:
        return Produced(Counted(rows=len(slates))).put(PREFERENCES, []).put(DROPPED, [])

    plant(monkeypatch, pair)
    done = run_stage(rnd, "pair")
    assert (done.outcome, done.outcome.line()) == (Counted(rows=1), "1 rows")
    assert read(rnd, PREFERENCES) == []


def test_a_stage_that_opens_what_it_does_not_declare_is_stopped(rnd, monkeypatch):
    hidden = rnd.folder / "round.toml"

    def pair(slates: list[Slate]) -> Produced[Counted]:
        return Produced(Counted(rows=len(hidden.read_text()))).put(PREFERENCES, []).put(DROPPED, [])

    plant(monkeypatch, pair)
    with pytest.raises(UndeclaredReadError, match=r"round\.toml, which it does not declare"):
        run_stage(rnd, "pair")
    assert not rnd.stage("pair").exists()
    assert hidden.read_text(), "the guard ends with the stage"


def test_a_stage_may_open_its_inputs_its_workspace_and_files_outside_of_rounds(rnd, monkeypatch, tmp_path):
    def pair(slates: list[Slate], work: Workspace) -> Produced[Counted]:
        (work.folder / "half").write_text("x")
        text = (
            (rnd.stage("sample") / SLATES.file).read_text() + (tmp_path / "prefopt.toml").read_text() + (work.folder / "half").read_text()
        )
        return Produced(Counted(rows=len(text))).put(PREFERENCES, []).put(DROPPED, [])

    plant(monkeypatch, pair, keeps=("half",))
    assert run_stage(rnd, "pair").outcome.rows > 1
    assert not (rnd.stage("pair") / "half").exists(), "what is only needed on the way is removed"


def test_what_a_stage_leaves_undeclared_is_named(rnd, monkeypatch):
    def pair(slates: list[Slate], work: Workspace) -> Produced[Counted]:
        (work.folder / "extra.txt").write_text("x")
        return Produced(Counted(rows=0)).put(PREFERENCES, []).put(DROPPED, [])

    plant(monkeypatch, pair)
    with pytest.raises(ProjectError, match=r"extra\.txt, which it does not declare"):
        run_stage(rnd, "pair")


@pytest.mark.parametrize(("missing", "what"), [(True, "no"), (False, "which it does not declare")])
def test_a_stage_returns_what_it_declares_and_no_more(rnd, monkeypatch, missing, what):
    def pair(slates: list[Slate]) -> Produced[Counted]:
        produced = Produced(Counted(rows=0)).put(PREFERENCES, [])
        return produced if missing else produced.put(DROPPED, []).put(SLATES, slates)

    plant(monkeypatch, pair)
    with pytest.raises(ProjectError, match=f"stage pair returned .*{what}"):
        run_stage(rnd, "pair")


def test_declarations_that_do_not_fit_the_function_are_refused_at_import():
    def pair(slates: list[Slate], rankings: list[Any]) -> Produced[Counted]: ...

    declare = {"outcome": Counted, "writes": (PREFERENCES,)}
    with pytest.raises(TypeError, match="parameters that it does not declare: rankings"):
        stage(reads={"slates": SLATES}, **declare)(pair)
    with pytest.raises(TypeError, match="declares what it does not take: more"):
        stage(reads={"slates": SLATES, "rankings": SLATES, "more": SLATES}, **declare)(pair)
    with pytest.raises(TypeError, match=r"artifacts of other stages as its own: sample/slates\.jsonl"):
        stage(outcome=Counted, reads={"slates": SLATES, "rankings": SLATES}, writes=(SLATES,))(pair)


def test_every_artifact_is_written_by_its_stage_and_once():
    written = [artifact for found in order.STAGES.values() for artifact in found.writes]
    assert sorted(map(str, written)) == sorted(map(str, ARTIFACTS))
    assert len(set(ARTIFACTS)) == len(ARTIFACTS)


@pytest.mark.parametrize("name", order.ROUND_STAGES)
def test_parameters_have_the_types_of_their_artifacts(name):
    found = order.STAGES[name]
    hints = inspect.get_annotations(found.function)
    assert set(hints) - {"return", *CONTEXT} == set(found.reads)
    for parameter, declared in found.reads.items():
        artifact = getattr(declared, "artifact", None)
        if type(declared).__name__ == "_Own" and isinstance(artifact, Rows):
            assert hints[parameter] == f"list[{artifact.row.__name__}]", parameter
    assert hints["return"] == f"Produced[{found.outcome.__name__}]"
    assert typing.get_type_hints(found.outcome)


def test_the_graph_names_what_is_declared_and_hashes_what_is_done(rnd):
    lines = "\n".join(graph_lines(rnd))
    assert "sample  (done)" in lines
    assert "writes  001/sample/slates.jsonl" in lines
    assert "reads   taxonomy, gold and hold-out" in lines  # of publish, which is not done
    assert "001/calibrate/general.json (optional)" in lines
