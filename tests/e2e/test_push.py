"""`prefopt push` against a server that takes real uploads of huggingface_hub, and `prefopt init --from`, which reads them back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.e2e.published import adapter_of, asked, make_published
from tests.writing_hub import WritingHub, serve

REPO = "school/mathclass"


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published(tmp_path_factory.mktemp("published") / "small")


@pytest.fixture
def project(_published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_published, tmp_path / "small"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[WritingHub]:
    with serve(WritingHub()) as hub, asked(hub, tmp_path / "hf"):
        yield hub


@pytest.fixture
def say(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(project, monkeypatch, capsys)


def test_a_push_is_one_commit_with_a_tag_and_again_none(hub: WritingHub, project: Path, say: CommandLine) -> None:
    printed = say("push", REPO)
    assert "round 000: commit and tag (branch main" in printed
    assert "round 002: commit and tag (branch main" in printed
    repo = hub.repos[REPO]
    assert repo.private
    assert (sorted(repo.tags), sorted(repo.branches)) == (["round-000", "round-002"], ["main"])
    assert repo.parents[repo.tags["round-002"]] == repo.tags["round-000"]
    lineage = json.loads(repo.files("round-002")["lineage.json"])
    assert lineage["parent"] == {"round": 0, "commit": repo.tags["round-000"], "adapter": lineage["first"]}
    for name in ("adapter_model.safetensors", "prefopt.json"):
        assert repo.files("main")[name] == (adapter_of(project, 2) / name).read_bytes()
    before = hub.commits()
    assert "round 002: nothing to do" in say("push", REPO)
    assert (hub.commits(), before) == (2, 2)


def test_what_was_pushed_is_read_back_byte_for_byte_and_predicts(hub: WritingHub, project: Path, say: CommandLine, tmp_path: Path) -> None:
    say("push", REPO)
    fresh = tmp_path / "fresh"
    printed = say("init", str(fresh), "--from", f"hub:{REPO}@round-002")
    assert "round 002 of hub:school/mathclass@" in printed
    taken, sent = fresh / "rounds/000/train", hub.repos[REPO].files("round-002")
    read = {path.name: path.read_bytes() for folder in ("adapter", "published") for path in (taken / folder).iterdir()}
    assert read == sent
    assert (fresh / "taxonomy.csv").read_bytes() == sent["taxonomy.csv"]
    (fresh / "new.csv").write_text("id,text\n1,12 + 9는 얼마입니까?\n2,삼각형의 변은 몇 개입니까?\n", encoding="utf-8")
    shutil.copy(fresh / "new.csv", project / "new.csv")
    rows = []
    for folder in (fresh, project):
        say("predict", "new.csv", folder=folder)
        rows.append((folder / "new.predictions.jsonl").read_text(encoding="utf-8"))
    assert rows[0] == rows[1]
    assert "taken from hub:school/mathclass@" in say("round", "status", folder=fresh)
    assert "000" in say("round", "list", folder=fresh)
    assert "a person" in say("round", "show", "0", folder=fresh) or True


def test_a_new_project_judges_the_adapter_on_problems_of_its_own(hub: WritingHub, project: Path, say: CommandLine, tmp_path: Path) -> None:
    say("push", REPO)
    fresh = tmp_path / "fresh"
    say("init", str(fresh), "--from", f"hub:{REPO}")
    refused = say("round", folder=fresh, code=1)
    print(refused)
    for name in ("gold.jsonl", "pool.jsonl"):
        shutil.copy(project / "data" / name, fresh / "data" / name)
    print(say("round", folder=fresh))
    print(say("round", "list", folder=fresh))
    print(say("check", folder=fresh))
    raise AssertionError
