"""The loop as it is typed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from feedback.server import digests
from tests.e2e.small import run, simulate, write_small_project


def test_a_round_on_a_real_argilla(trained_project):
    settings = trained_project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('source = "file"', 'source = "argilla"'), encoding="utf-8")
    run(trained_project, "argilla", "up", "--detach", "--port", "0")
    try:
        waiting = json.loads(run(trained_project, "round", "--json", expect=3).stdout)
        assert waiting["waiting"].startswith("0 of 12 slates complete")
        assert waiting["stages"]["collect"] == "waiting"
        again = run(trained_project, "round", expect=3)
        assert "waiting for the teachers" in again.stdout
        simulate(trained_project, 1)
        progress = json.loads(run(trained_project, "round", "status", "--json").stdout)["progress"]
        assert progress == {"complete": 12, "published": 12, "rankings": {"simulated-1": 12, "simulated-2": 12}}
        done = json.loads(run(trained_project, "round", "--json").stdout)
    finally:
        run(trained_project, "argilla", "down")
    assert done["waiting"] is None
    assert set(done["stages"].values()) == {"done"}
    assert Path(done["report"]).exists()
    rankings = (trained_project / "rounds/001/collect/rankings.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rankings) == 24
    report = json.loads(run(trained_project, "report", "--json").stdout)
    assert report
    assert "simulated" in Path(done["report"]).read_text(encoding="utf-8")
    answers_of_a_lost_page_are_those_that_the_round_read(trained_project)


def answers_of_a_lost_page_are_those_that_the_round_read(folder: Path) -> None:
    database = folder / ".argilla" / "argilla.db"
    query = 'SELECT record_id, user_id, status, "values" FROM responses ORDER BY record_id, user_id'
    with closing(sqlite3.connect(database)) as before:
        answers = before.execute(query).fetchall()
        page = before.execute("SELECT rootpage FROM sqlite_master WHERE name = 'responses'").fetchone()[0]
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    shutil.rmtree(folder / ".argilla" / "backups")
    said = run(folder, "argilla", "repair", "--yes").stdout
    assert said.count("answer of simulated-") == len(answers) == 24
    assert said.count("from the files of round 001") == 24
    assert digests.inspect(database) == []
    with closing(sqlite3.connect(database)) as after:
        assert after.execute(query).fetchall() == answers


def test_three_recipes_on_one_adapter_and_a_branch(asked_project):
    for number, recipe in enumerate(("dpo", "orpo", "kto"), 1):
        if number > 1:
            run(asked_project, "round", expect=3)
        simulate(asked_project, number)
        done = json.loads(run(asked_project, "round", "--json").stdout)
        assert done["recipe"] == recipe
        card = json.loads((asked_project / f"rounds/{number:03d}/train/adapter/prefopt.json").read_text(encoding="utf-8"))
        assert card["recipe"] == recipe
        assert card["parent"]
    rows = json.loads(run(asked_project, "round", "list", "--json").stdout)["rounds"]
    assert [r["round"] for r in rows] == [0, 1, 2, 3]
    slates = [(asked_project / f"rounds/{n:03d}/sample/slates.jsonl").read_text(encoding="utf-8").splitlines() for n in (1, 2, 3)]
    asked = [{json.loads(line)["problem"]["id"] for line in lines} for lines in slates]
    assert len(asked[0] | asked[1] | asked[2]) == 36  # no problem is asked twice
    pools = [json.loads((asked_project / f"rounds/{n:03d}/sample/pool.json").read_text(encoding="utf-8")) for n in (1, 2, 3)]
    assert [pool["problems"] - pools[0]["problems"] for pool in pools] == [0, -12, -24]
    assert all(0 < json.loads(line)["inclusion"] <= 1 for lines in slates for line in lines)
    judged = [json.loads((asked_project / f"rounds/{n:03d}/calibrate/calibration.json").read_text(encoding="utf-8")) for n in range(4)]
    learned = [found["baseline"]["answers"] for found in judged]
    assert learned[0] == 0 < learned[1] < learned[2] < learned[3] <= 36  # the consensus answers of all rounds so far
    assert {found["baseline"]["trained_on"] - n for found, n in zip(judged, learned, strict=True)} == {judged[0]["baseline"]["trained_on"]}
    assert judged[0]["mixture"] == {"asked": 0, "needed": 50, "judged": None}
    assert judged[2]["mixture"]["asked"] < judged[3]["mixture"]["asked"] < 50
    run(asked_project, "round", "branch", "1", "--at", "train", "--recipe", "kto")
    assert (asked_project / "rounds/004/pair").is_symlink()
    run(asked_project, "round", expect=0)
    assert json.loads(run(asked_project, "round", "show", "4", "--json").stdout)["stages"]["train"]["outcome"]["recipe"] == "kto"
    refused = run(asked_project, "round", "branch", "2", "--at", "calibrate", "--recipe", "kto", expect=1).stderr
    assert "was trained with recipe 'orpo', and a branch at calibrate keeps its adapter" in refused
    run(asked_project, "round", "branch", "2", "--at", "calibrate")
    run(asked_project, "round", expect=0)
    rows = json.loads(run(asked_project, "round", "list", "--json").stdout)["rounds"]
    assert [(r["round"], r["recipe"]) for r in rows[-2:]] == [(4, "kto"), (5, "orpo")]


def test_a_recipe_of_ones_own(trained_project):
    run(trained_project, "recipes", "copy", "orpo", "my_recipe.py")
    run(trained_project, "round", "--recipe", "my_recipe.py", expect=3)
    simulate(trained_project, 1)
    run(trained_project, "round")
    shown = run(trained_project, "round", "show", "1").stdout
    assert "# --recipe" in shown  # where the value came from


def test_init_makes_a_project_that_checks(tmp_path):
    run(tmp_path, "init", "수학 Klasse 3", "--example")
    folder = tmp_path / "수학 Klasse 3"
    found = json.loads(run(folder, "check", "--load-model", "--json").stdout)
    assert found["project"] == "klasse-3"
    assert found["gold held out"] > 100
    assert "attention" in found["adapted by LoRA"]
    assert "mxfp4" in found["bytes by type"]
    assert "already contains a project" in run(tmp_path, "init", "수학 Klasse 3", expect=1).stderr


def test_check_counts_what_is_there(tmp_path):
    folder = write_small_project(tmp_path / "small")
    found = json.loads(run(folder, "check", "--json").stdout)
    assert found["gold to train on"] + found["gold held out"] == len((folder / "data/gold.jsonl").read_text(encoding="utf-8").splitlines())
    assert found["labels to train on"] == 12
