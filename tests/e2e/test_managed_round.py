"""Rounds that a service trains: round 000 and one that continues it, from the rows to the decision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefopt.model.adapter_card import adapter_id, read_card
from tests.e2e.small import SETTINGS, run, simulate, write_small_project
from tests.training_service import KEY, Service, serve

STANDARDS = "2수01-01 2수01-06 2수02-01 2수03-01 2수03-09 4수01-01"
MANAGED = """
[recipes.openai-sft]
url = "{url}"
model = "school/tiny"
epochs = 3
price = 1.0
max_cost = 5.0

[recipes.openai]
url = "{url}"
model = "school/tiny"
beta = 0.2
price = 1.0
max_cost = 5.0
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "service").mkdir()
    with serve(Service(tmp_path / "service")) as found:
        yield found


def train_at(order: Path) -> None:
    run(order.parent, str(order), module="tests.training_worker")


def settings_for(service: Service) -> str:
    text = SETTINGS.replace('recipes = ["dpo", "orpo", "kto"]', 'sft = "openai-sft"\nrecipes = ["openai"]')
    text = text.replace("slates = 12", "slates = 8").replace("bootstrap = 200", "bootstrap = 100")
    return text[: text.index("[recipes.sft]")] + MANAGED.format(url=service.url)


def test_a_service_trains_a_round_that_is_judged_here(service: Service, tmp_path: Path) -> None:
    folder = write_small_project(tmp_path / "small", settings_for(service), STANDARDS)
    waiting = run(folder, "sft", expect=3).stdout
    assert "waiting for ftjob-1 (queued)\n  then type `prefopt sft` again" in waiting
    assert "job ftjob-1 at openai at http://127.0.0.1" in run(folder, "round", "status").stdout
    service.work(train_at)
    assert json.loads(run(folder, "sft", "--json").stdout)["waiting"] is None

    run(folder, "round", expect=3)
    simulate(folder, 1)
    uploads = len(service.files)
    shown = run(folder, "round", "--dry-run").stdout
    assert "nothing was sent" in shown
    assert '"preferred_output"' in shown
    assert len(service.files) == uploads
    assert "waiting for ftjob-2 (queued)" in run(folder, "round", expect=3).stdout
    service.end("ftjob-2", error="no machine is free")
    failed = run(folder, "round", expect=1).stderr
    assert "failed: no machine is free" in failed
    assert "to send a new job: prefopt round" in failed
    assert "waiting for ftjob-3 (queued)" in run(folder, "round", expect=3).stdout
    assert service.jobs["ftjob-3"]["model"] == "ft-ftjob-1"
    service.work(train_at)
    done = json.loads(run(folder, "round", "--json").stdout)
    assert set(done["stages"].values()) == {"done"}
    assert done["outcome"] in ("promoted", "held", "rejected")

    parent, adapter = (folder / f"rounds/{number}/train/adapter" for number in ("000", "001"))
    card = read_card(adapter)
    assert (card.recipe, card.round, card.parent) == ("openai", 1, adapter_id(parent))
    assert card.managed is not None
    assert (card.managed.job, card.managed.model, card.managed.base) == ("ftjob-3", "ft-ftjob-3", "school/tiny")
    lines = (service.folder / "ftjob-3/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    assert first["rewards/margins"] == 0  # the reference is the parent
    assert last["rewards/margins"] > 0  # and it learned
    assert "ftjob-3" in run(folder, "round", "show").stdout
    assert len(service.jobs) == 3


def edit(folder: Path, *pairs: tuple[str, str]) -> None:
    file = folder / "prefopt.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")


def test_a_round_that_no_service_can_continue_is_refused_before_teachers_are_asked(service: Service, trained_project: Path) -> None:
    edit(trained_project, ('recipes = ["dpo", "orpo", "kto"]', f'recipes = ["openai"]\n{MANAGED.format(url=service.url)}'))
    refused = run(trained_project, "round", expect=1).stderr
    assert "the parent adapter was trained here" in refused
    assert 'set sft = "openai-sft" under [round] in prefopt.toml, then: prefopt sft --again' in refused
    assert 'set recipes = ["dpo"] under [round]' in refused
    assert not service.requests
    edit(trained_project, ("[round]\n", '[round]\nsft = "openai-sft"\n'))
    shown = json.loads(run(trained_project, "sft", "--again", "--dry-run", "--json").stdout)
    assert shown["first_row"].keys() == {"messages"}
    assert 0 < shown["price"] < 5
    assert not service.requests
    assert json.loads(run(trained_project, "sft", "--json", expect=3).stdout)["waiting"] == "ftjob-1 (queued)"
    state = json.loads(run(trained_project, "round", "status", "--json").stdout)
    assert state["job"]["now"]["state"] == "queued"
    assert [row["detail"] for row in state["stages"] if row["stage"] == "train"] == ["for ftjob-1 (queued)"]

    edit(trained_project, ("max_cost = 5.0", "max_cost = 6.0"))  # what the stage reads has changed, and the job is still known
    assert "waiting for ftjob-1 (queued)" in run(trained_project, "sft", expect=3).stdout
    edit(trained_project, ("epochs = 3\nprice", "epochs = 4\nprice"))
    assert "other settings than those of now: epochs" in run(trained_project, "sft", expect=1).stderr
    edit(trained_project, ("epochs = 4\nprice", "epochs = 3\nprice"))
    assert "waiting for ftjob-1 (queued)" in run(trained_project, "sft", expect=3).stdout
    assert len(service.jobs) == 1

    for words in (["sft", "--again"], ["sft"]):  # nobody would fetch what the job makes
        edit(trained_project, ('sft = "openai-sft"', 'sft = "sft"'))
        refused = run(trained_project, *words, expect=1).stderr
        assert "round 000 has a job at openai at http" in refused
        assert "go on with it: prefopt sft; or give it up: prefopt round cancel 0" in refused
        edit(trained_project, ('sft = "sft"', 'sft = "openai-sft"'))
    assert "ftjob-1 is cancelled; to send a new job: prefopt sft" in run(trained_project, "round", "cancel", "0").stdout
    assert service.jobs["ftjob-1"]["status"] == "cancelled"
    assert "earlier job ftjob-1: cancelled" in run(trained_project, "round", "status").stdout
    assert "waiting for ftjob-2" in run(trained_project, "sft", expect=3).stdout
