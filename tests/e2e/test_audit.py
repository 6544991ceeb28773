"""The sealed problems: guarded at every door, opened once, and only for new problems again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration.posteriors import read_posteriors
from prefopt.taxonomy import read_taxonomy
from tests.e2e.small import run

WHY = ("--because", "the project ends")


def sealed(folder: Path, start: int, count: int) -> list[dict]:
    """Problems of families of their own, over all labels in turn."""
    labels = read_taxonomy(folder / "taxonomy.csv").ids
    return [
        {
            "id": f"a{i}",
            "text": f"창고에 상자가 {1000 + 7 * i}개 있습니다. 상자는 몇 개입니까?",
            "label": labels[i % len(labels)],
            "family": f"box-{i}",
        }
        for i in range(start, start + count)
    ]


def write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def audited(trained_project):
    """A project with an adapter in use and 14 sealed problems."""
    run(trained_project, "round", "decide", "0", "--promote", "--because", "a small model")
    settings = trained_project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("[data]\n", '[data]\naudit = "data/audit.jsonl"\n'), encoding="utf-8")
    write(trained_project / "data" / "audit.jsonl", sealed(trained_project, 0, 14))
    return trained_project


def refused(folder: Path, *words: str) -> str:
    error = run(folder, *words, expect=1).stderr
    assert "Traceback" not in error
    return " ".join(error.split())


def opened(folder: Path) -> list[dict]:
    return json.loads((folder / "rounds" / "audit.json").read_text(encoding="utf-8"))["openings"]


def test_without_a_sealed_file_the_command_says_how_to_make_one(small_project):
    error = refused(small_project, "audit")
    assert "the project has no audit" in error
    assert 'audit = "data/new/test.jsonl"' in error


def test_an_audit_is_opened_once_and_again_only_for_new_problems(audited):
    shown = run(audited, "audit").stdout
    assert "14 problems of 14 groups, 12 labels" in shown
    assert "14 labeled problems are sealed" in " ".join(shown.split())
    assert 'prefopt audit --open --because "…"' in shown
    assert not (audited / "rounds" / "audit.json").exists()
    assert "an opening needs a reason" in refused(audited, "audit", "--open")
    assert "--because is for --open" in refused(audited, "audit", *WHY)

    found = json.loads(run(audited, "audit", "--open", *WHY, "--json").stdout)
    (first,) = opened(audited)
    assert (first["round"], first["because"], first["problems"]) == (0, "the project ends", [f"a{i}" for i in range(14)])
    assert found["openings"] == [first]
    stored = read_posteriors(audited / "rounds" / "audit-1.parquet")
    p, one = np.exp(stored.log_probs), np.eye(len(stored.labels))[stored.gold]
    assert first["figures"]["accuracy"]["value"] == pytest.approx((p.argmax(axis=1) == stored.gold).mean())
    assert first["figures"]["brier"]["value"] == pytest.approx(((p - one) ** 2).sum(axis=1).mean())
    shown = " ".join(run(audited, "audit").stdout.split())
    assert "the adapter of round 000 was scored on 14 sealed problems: accuracy" in shown
    assert "no other adapter will be scored on these problems" in shown
    assert "0 problems are of groups that were never opened" in shown

    error = refused(audited, "audit", "--open", *WHY)
    assert "of 14 problems, 14 are of groups that were opened before: at least 10 new ones are needed" in error
    sibling = {**sealed(audited, 90, 1)[0], "family": "box-3"}
    near = {**sealed(audited, 91, 1)[0], "text": sealed(audited, 5, 1)[0]["text"].replace("몇 개", "모두 몇 개")}
    write(audited / "data" / "audit.jsonl", [sibling, near, *sealed(audited, 20, 9)])  # those of the opening are gone: still known
    assert "of 11 problems, 2 are of groups that were opened before" in refused(audited, "audit", "--open", *WHY)
    write(audited / "data" / "audit.jsonl", [sibling, near, *sealed(audited, 20, 11)])
    run(audited, "audit", "--open", "--because", "again")
    assert opened(audited)[0] == first
    assert opened(audited)[1]["problems"] == [f"a{i}" for i in range(20, 31)]


def test_an_interrupted_opening_is_finished_with_the_problems_it_began_with(audited):
    run(audited, "audit", "--open", *WHY)
    (done,) = opened(audited)
    record = audited / "rounds" / "audit.json"
    record.write_text(json.dumps({"format": 1, "openings": [{**done, "figures": None}]}), encoding="utf-8")  # as before the scores
    (audited / "rounds" / "audit-1.parquet").unlink()
    assert "this is not finished" in " ".join(run(audited, "audit").stdout.split())
    write(audited / "data" / "audit.jsonl", sealed(audited, 40, 20))
    run(audited, "audit", "--open", "--because", "after a crash")
    assert opened(audited) == [done]
    (audited / "rounds" / "audit-1.jsonl").write_text("", encoding="utf-8")
    assert "audit-1.jsonl is empty" in refused(audited, "audit")


def test_what_was_asked_or_trained_on_cannot_be_sealed(audited):
    pool = audited / "data" / "pool.jsonl"
    asked = json.loads(pool.read_text(encoding="utf-8").splitlines()[0])
    rows = sealed(audited, 0, 14)
    write(audited / "data" / "audit.jsonl", [*rows, {**rows[0], "id": "kin", "text": "새 문제입니다.", "family": asked["family"]}])
    error = refused(audited, "audit")
    assert "pool.jsonl:1: problem 'pool-000' of the pool is of one group with 'kin' of the audit" in error
    assert "data/audit.jsonl:15" in error
    assert "leak-family" in json.dumps(json.loads(run(audited, "data", "check", "--json", expect=1).stdout))
    write(audited / "data" / "audit.jsonl", rows)
    run(audited, "round", expect=3)
    slates = (audited / "rounds" / "001" / "sample" / "slates.jsonl").read_text(encoding="utf-8").splitlines()
    shown = json.loads(slates[2])["problem"]
    kept = [line for line in pool.read_text(encoding="utf-8").splitlines() if json.loads(line)["family"] != shown["family"]]
    pool.write_text("\n".join(kept) + "\n", encoding="utf-8")
    gold = audited / "data" / "gold.jsonl"
    families = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines()]
    gold.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in families if r["family"] != shown["family"]), encoding="utf-8")
    write(audited / "data" / "audit.jsonl", [*rows, {**rows[0], "id": "kin", "text": shown["text"] + "!", "family": "new"}])
    error = refused(audited, "audit", "--open", *WHY)
    assert "rounds/001/sample/slates.jsonl:3" in error
    assert "of the slates is of one group with 'kin' of the audit" in error
