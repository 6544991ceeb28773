"""What the system refuses is said in words by every command, with the file's name: no traceback, whatever fails and wherever.

The refusals are real ones of the system: a shim (faults.c) gives the errno of a full, read-only or broken disk on the project's files,
limits of the process are set, and files are replaced by directories, links and bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Receipt
from prefopt.rounds.artifacts import RECEIPTS, SLATES
from prefopt.rounds.starting import start_base
from tests.e2e.faulty import CHANGES, FAULTS
from tests.requirements import program
from tests.stages import finish_stage
from tests.unit.rankings_cases import slate

COMMANDS: list[list[str]] = [
    *(
        line.split()
        for line in (
            "check",
            "data check",
            "data mask data/gold.jsonl out.jsonl",
            "data convert data/gold.jsonl out.parquet --to problems",
            "data split data/gold.jsonl --out parts",
            "data generate --out g.jsonl --standards 2수01-01 --per-standard 1",
            "data taxonomy",
            "recipes copy dpo my.py",
            "round status",
            "round list",
            "round show",
            "round branch 1 --at collect",
            "round",
            "sft",
            "report",
            "predict data/pool.jsonl",
            "export exported",
            "rankings report",
            "rankings export e.csv",
            "teachers add kim",
            "teachers list",
            "argilla status",
            "init new",
            "migrate",
            "adapter show rounds/000/train/adapter",
        )
    ),
    ["round", "decide", "0", "--promote", "--because", "why"],
    ["teachers", "simulate", "--truth", "data/truth.jsonl", "--round", "1"],
]
EVERYWHERE = ("full", "read-only", "broken disk", "too many files", "small files", "no directory", "a directory for the settings")
"""Faults that meet every command; the others meet a few, in turn."""


def plan() -> list[tuple[list[str], str]]:
    found = [(words, fault) for words in COMMANDS for fault in EVERYWHERE]
    others = [fault for fault in (*FAULTS, *CHANGES, "few files") if fault not in EVERYWHERE]
    return found + [(COMMANDS[(7 * i + 5 * j) % len(COMMANDS)], fault) for i, fault in enumerate(others) for j in range(6)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What every command of the plan printed."""
    program("cc", package="gcc libc6-dev")
    folder = tmp_path_factory.mktemp("faults")
    project = folder / "small"
    (project / "data").mkdir(parents=True)
    (project / "taxonomy.csv").write_text("code,name\na,A\nb,B\n", encoding="utf-8")
    rows = [json.dumps({"id": f"g{i}", "text": f"문제 {i}", "label": "ab"[i % 2]}, ensure_ascii=False) for i in range(12)]
    (project / "data" / "gold.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (project / "data" / "pool.jsonl").write_text('{"id": "q1", "text": "새 문제"}\n', encoding="utf-8")
    (project / "data" / "truth.jsonl").write_text('{"id": "q1", "label": "a"}\n', encoding="utf-8")
    (project / "prefopt.toml").write_text('[feedback]\nsource = "file"\n', encoding="utf-8")
    opened = open_project(project)
    start_base(opened)
    rnd = freeze_round(opened, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    finish_stage(rnd, {SLATES: [slate("s1")]})
    finish_stage(rnd, {RECEIPTS: [Receipt(slate_id="s1", source="file", dataset="mathclass-001", record="s1")]})
    shim, switch, asked = folder / "faults.so", folder / "faults.bin", folder / "plan.json"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(Path(__file__).with_name("faults.c")), "-ldl"], check=True)
    switch.write_bytes(bytes(268))
    asked.write_text(json.dumps(plan(), ensure_ascii=False), encoding="utf-8")
    environment = os.environ | {"LD_PRELOAD": str(shim), "FAULTS": str(switch)}
    subprocess.run([sys.executable, "-m", "tests.e2e.faulty", str(project), str(asked)], env=environment, check=True, timeout=500)
    return list(json.loads(asked.with_suffix(".found.json").read_text(encoding="utf-8")))


def test_every_command_says_every_fault_in_words(found):
    assert len(found) > 300
    assert sum(row["hits"] > 0 for row in found) > 250, "the faults happen"
    bad = [row for row in found if "Traceback" in row["err"] or "fault of prefopt" in row["err"] or row["code"] not in (0, 1, 3)]
    assert not bad, "\n".join(f"{row['words']} with {row['fault']}: {row['code']} {row['err']}" for row in bad)


def test_what_cannot_be_written_is_never_success(found):
    writers = ("data mask", "data convert", "data generate", "recipes copy", "init new", "round branch", "teachers add")
    silent = [
        row
        for row in found
        if row["fault"] in ("full", "read-only", "small files") and row["code"] == 0 and " ".join(row["words"]).startswith(writers)
    ]
    assert not silent, silent


def test_a_refusal_names_the_file_and_says_what_to_do(found):
    full = {" ".join(row["words"][:2]): row["err"] for row in found if row["fault"] == "full" and row["code"] == 1}
    assert "out.jsonl: no space is left on the disk\n  → free some space, then type the command again" in full["data mask"]
    assert "out.parquet: no space is left on the disk" in full["data convert"]
    assert "my.py: no space is left on the disk" in full["recipes copy"]
    gone = [row for row in found if row["fault"] == "no directory" and row["words"][0] == "round"]
    assert gone
    assert all("the working directory no longer exists" in row["err"] for row in gone)
    broken = {" ".join(row["words"]): row["err"] for row in found if row["fault"] == "broken disk"}
    assert "prefopt.toml: the disk reports an error" in broken["check"]
    assert "too many files are open" in next(row["err"] for row in found if row["fault"] == "too many files" and row["words"] == ["check"])
