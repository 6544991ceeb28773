"""`prefopt push` against a server that takes real uploads of huggingface_hub, and `prefopt init --from`, which reads them back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from safetensors.numpy import load, save

from prefopt.deploy.hub.lineage import REQUIRED
from prefopt.deploy.hub.remote import Remote
from prefopt.project.project import open_project
from prefopt.project.round_toml import ChangedSetting, refreeze
from prefopt.rounds.promotion import overrule
from tests.command_line import CommandLine
from tests.e2e.published import ASKED, COMMENT, REPORT_TEXT, TEACHER, adapter_of, asked, make_published
from tests.writing_hub import TOKEN, WritingHub, serve

REPO, WEIGHTS = "school/mathclass", "adapter_model.safetensors"
Files = dict[str, bytes]


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


def round_of(files: Files) -> int:
    return int(json.loads(files["lineage.json"])["round"])


def test_a_push_is_one_commit_with_a_tag_and_again_none(hub: WritingHub, project: Path, say: CommandLine) -> None:
    planned = json.loads(say("push", REPO, "--dry-run", "--json"))
    assert not hub.repos
    printed = say("push", REPO)
    assert "round 000: commit and tag (branch main" in printed
    assert "round 002: commit and tag (branch main" in printed
    repo = hub.repos[REPO]
    assert repo.private
    assert (sorted(repo.tags), sorted(repo.branches)) == (["round-000", "round-002"], ["main"])
    assert repo.parents[repo.tags["round-002"]] == repo.tags["round-000"]
    lineage = json.loads(repo.files("round-002")["lineage.json"])
    assert lineage["parent"] == {"round": 0, "commit": repo.tags["round-000"], "adapter": lineage["first"]}
    for name in (WEIGHTS, "prefopt.json"):
        assert repo.files("main")[name] == (adapter_of(project, 2) / name).read_bytes()
    for row in planned["rounds"]:
        sent = repo.files(f"round-{row['round']:03d}")
        assert {file["name"]: file["size"] for file in row["files"]} == {name: len(content) for name, content in sent.items()}
        known = {file["name"]: file["sha256"] for file in row["files"] if file["sha256"]}
        assert known == {name: hashlib.sha256(sent[name]).hexdigest() for name in known}
        assert sent.keys() - known.keys() == ({"lineage.json"} if row["round"] else set())
    assert "round 002: nothing to do" in say("push", REPO)
    first = repo.tags.pop("round-000")
    assert "round 000: tag (tag round-000" in say("push", REPO)
    assert (repo.tags["round-000"], hub.commits()) == (first, 2)


def test_the_card_states_what_the_calibration_states(hub: WritingHub, project: Path, say: CommandLine) -> None:
    say("push", REPO)
    import yaml

    _, front, text = hub.repos[REPO].files("main")["README.md"].decode().split("---\n", 2)
    card, found = yaml.safe_load(front), json.loads((project / "rounds/002/calibrate/calibration.json").read_text(encoding="utf-8"))
    stated = {"base_model": "tiny", "base_model_relation": "adapter", "library_name": "peft", "license": "apache-2.0", "language": "ko"}
    assert card.items() >= stated.items()
    (result,) = card["model-index"][0]["results"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    expected = {"accuracy": found["accuracy"]["value"], "brier_score": found["brier"]["value"], "ece": found["ece"]["equal_width"]}
    assert values == pytest.approx(expected, abs=1e-6)
    for name in ("accuracy", "brier"):
        assert f"{found[name]['low']:.3f} to {found[name]['high']:.3f}" in text
    config = json.loads(hub.repos[REPO].files("main")["adapter_config.json"])
    assert config["base_model_name_or_path"] == "tiny"


def test_what_was_pushed_is_read_back_and_predicts_the_same(hub: WritingHub, project: Path, say: CommandLine, tmp_path: Path) -> None:
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
    assert "in use: the adapter of round 000" in say("round", "list", folder=fresh)

    thresholds = taken / "published" / "calibration.json"
    kept = thresholds.read_bytes()
    thresholds.write_bytes(kept.replace(b"0", b"1", 1))
    assert "changed since" in say("predict", "new.csv", "--out", "more.jsonl", folder=fresh, code=1)
    thresholds.write_bytes(kept)

    assert "no problem is held out" in say("round", folder=fresh, code=1)
    shutil.copy(project / "data/gold.jsonl", fresh / "data/gold.jsonl")
    assert "000 calibrate" in say("round", folder=fresh)
    assert json.loads((fresh / "rounds/promoted.json").read_text(encoding="utf-8"))["events"][-1]["by"] == "rule"


def test_a_push_that_was_interrupted_ends_whole(hub: WritingHub, project: Path, say: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Remote, "tag", killed)
        say("push", REPO, "--round", "0", code=130)
    repo = hub.repos[REPO]
    assert (hub.commits(), repo.tags) == (1, {})
    left = project / ".cache/push-999999999-x"
    left.mkdir()
    assert "round 000: tag (tag round-000" in say("push", REPO, "--round", "0")
    assert (hub.commits(), sorted(repo.tags)) == (1, ["round-000"])
    assert not list((project / ".cache").glob("push-*"))


def test_main_moves_to_promoted_rounds_only(hub: WritingHub, project: Path, say: CommandLine) -> None:
    say("push", REPO)
    repo = hub.repos[REPO]
    head = repo.branches["main"]
    assert "round 001: commit and tag (branch candidate-001" in say("push", REPO, "--round", "1")
    assert (repo.branches["main"], repo.parents[repo.tags["round-001"]]) == (head, repo.tags["round-000"])
    assert "round 001: nothing to do" in say("push", REPO, "--round", "1")
    overrule(open_project(project).round(1), "promoted", f"{TEACHER} says so")
    say("push", REPO)
    assert (round_of(repo.files("main")), repo.tags["round-001"]) == (1, repo.branches["main"])
    assert json.loads(repo.files("main")["decision.json"])["by"] == "person"
    overrule(open_project(project).round(1), "rejected", "rolled back")
    assert "round 002: commit (branch main" in say("push", REPO)
    assert round_of(repo.files("main")) == 2
    assert TEACHER.encode() not in b"".join(content for files in repo.commits.values() for content in files.values())


def test_the_report_goes_only_where_it_is_asked_for(hub: WritingHub, say: CommandLine) -> None:
    assert "names and comments of teachers" in say("push", REPO, "--with-report")
    repo = hub.repos[REPO]
    assert repo.files("main")["report.html"].decode() == REPORT_TEXT
    assert "report.html" not in repo.files("round-000")
    say("push", REPO)
    assert set(repo.files("main")) == set(REQUIRED)


def test_nothing_personal_goes_out(hub: WritingHub, project: Path, say: CommandLine) -> None:
    texts = [json.loads(line)["text"] for line in (project / "data/gold.jsonl").read_text(encoding="utf-8").splitlines()]
    ids = [json.loads(line)["id"] for line in (project / "data/gold.jsonl").read_text(encoding="utf-8").splitlines()]
    for number in (1, 2):
        say("push", REPO, "--round", str(number))
    sent = b"\n".join(content for files in hub.repos[REPO].commits.values() for content in files.values()).decode(errors="replace")
    planted = [TEACHER, COMMENT, ASKED, TOKEN, str(project), str(Path.home()) + "/", *texts, *(f'"{name}"' for name in ids)]
    assert [text for text in planted if text in sent] == []


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("prompt.instructions", f"ask {TEACHER} first", "the name of a teacher"),
        ("prompt.question", "see " + "/" + "home/teacher/notes {id}", "a path of this machine"),
        ("domain.framework", "hf-abcdefghijklmnopqrstuvw", "what looks like a key"),
        ("domain.subject", ASKED, "the text of a problem"),
        ("domain.item", "김민서 선생님", "personal data"),
        ("prompt.date", "010-1234-5678", "personal data"),
    ],
)
def test_what_people_wrote_is_looked_at_before_anything_is_sent(
    hub: WritingHub, project: Path, say: CommandLine, key: str, value: str, what: str
) -> None:
    refreeze(open_project(project).round(2), [ChangedSetting("train", key, "", value, "")])
    said = say("push", REPO, code=1)
    assert f"{key} holds" in said
    assert what in said
    assert not hub.repos


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        ({"repos/create": (403, "")}, "this account may not create it"),
        ({"repos/create": (409, "")}, "the name is taken"),
        ({"repos/create": (500, "")}, "status 500"),
        ({"/commit/": (401, "")}, "does not know this account"),
        ({"/commit/": (403, "")}, "may not change it"),
        ({"/commit/": (412, "")}, "somebody else changed it meanwhile"),
        ({"/commit/": (500, "")}, "type the command again"),
        ({"/tag/": (500, "")}, "type the command again"),
        ({"GET /api/models": (429, "")}, "fewer requests"),
    ],
)
def test_what_goes_wrong_is_said_without_the_key(hub: WritingHub, say: CommandLine, fail: dict[str, tuple[int, str]], said: str) -> None:
    hub.fail = fail
    printed = say("push", REPO, "--round", "0", code=1)
    assert said in printed
    assert TOKEN not in printed
    hub.fail = {}
    if "type the command again" in printed:
        say("push", REPO, "--round", "0")
        assert set(hub.repos[REPO].files("round-000")) == set(REQUIRED)


def test_what_cannot_be_published_is_refused(hub: WritingHub, say: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = say.folder / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("apache-2.0", ""), encoding="utf-8")
    assert "no license is named" in say("push", REPO, code=1)
    assert "not the identifier of a license" in say("push", REPO, "--license", "My own", code=1)
    hub.unknown_licenses = ("mine-1.0",)
    assert "refuses the metadata of README.md" in say("push", REPO, "--license", "mine-1.0", code=1)
    assert "not the name of a repository" in say("push", "mathclass", "--license", "mit", code=1)
    hub.new("school/taken").add({"pytorch_model.bin": b"x"}, "main")
    assert "holds what prefopt did not write: pytorch_model.bin" in say("push", "school/taken", "--license", "mit", code=1)
    say("push", "school/open", "--license", "mit", "--public", "--round", "0")
    assert not hub.repos["school/open"].private
    assert "school/open is public" in say("push", "school/open", "--license", "mit", code=1)
    lineage = json.loads(hub.repos["school/open"].files("main")["lineage.json"]) | {"first": "0" * 12}
    hub.new("school/other").add({"lineage.json": json.dumps(lineage).encode()}, "main")
    assert "holds another project" in say("push", "school/other", "--license", "mit", code=1)
    monkeypatch.setenv("HF_TOKEN", "hf_wrongwrongwrongwrongwrong")
    said = say("push", "school/new", "--license", "mit", code=1)
    assert "does not know this account" in said
    assert "hf_wrong" not in said
    monkeypatch.setenv("HF_TOKEN", "")
    assert "nobody is logged in" in say("push", "school/new", "--license", "mit", code=1)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in say("push", "school/new", "--license", "mit", code=1)
    assert "is not known" in say("push", "school/new", "--license", "mit", "--dry-run", "--round", "0")


def sealed(files: Files) -> Files:
    """The files with a lineage.json that lists them."""
    listed = {
        name: {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in files.items() if name != "lineage.json"
    }
    return changed(files, "lineage.json", lambda values: values.update(files=listed))


def changed(files: Files, name: str, change: Callable[[Any], object]) -> Files:
    """The files with another JSON document."""
    values = json.loads(files[name])
    change(values)
    return {**files, name: json.dumps(values).encode()}


def weights(files: Files, key: str) -> Files:
    """The files with one more tensor."""
    tensors = load(files[WEIGHTS])
    return sealed({**files, WEIGHTS: save(tensors | {key: next(iter(tensors.values()))}, {"format": "pt"})})


HOSTILE: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a changed card": (lambda f: {**f, "README.md": f["README.md"].replace(b"0", b"9")}, "README.md is not the file that was published"),
    "changed weights": (lambda f: {**f, WEIGHTS: f[WEIGHTS][:-1] + b"x"}, "its digest differs"),
    "a file less": (lambda f: {n: c for n, c in f.items() if n != "calibration.json"}, "calibration.json is missing"),
    "a pickle": (lambda f: {**f, "pytorch_model.bin": b"x"}, "can run code"),
    "code": (lambda f: {**f, "modeling.py": b"x"}, "no published round has"),
    "a path out of it": (lambda f: {**f, "../../evil.json": b"x"}, "leads out of its folder"),
    "an absolute path": (lambda f: {**f, "/" + "etc/cron": b"x"}, "leads out of its folder"),
    "a huge file": (lambda f: {**f, "lineage.json": b" " * (5 * 2**20)}, "4 MiB are the most"),
    "a path in the list": (
        lambda f: changed(f, "lineage.json", lambda v: v["files"].update({"../x": {"size": 1, "sha256": "0" * 64}})),
        "lists '../x'",
    ),
    "another key": (lambda f: changed(f, "lineage.json", lambda v: v.update(run="x")), "unknown key 'run'"),
    "another setting": (
        lambda f: changed(f, "lineage.json", lambda v: v["settings"].update(data={"gold": "x"})),
        "data.gold, which no published round",
    ),
    "no such value": (
        lambda f: changed(f, "lineage.json", lambda v: v["settings"]["prompt"].update(effort="x")),
        "prompt.effort = 'x'",
    ),
    "a folder as base": (lambda f: changed(f, "lineage.json", lambda v: v["base"].update(name="/" + "etc")), "base.name"),
    "another base": (lambda f: changed(f, "lineage.json", lambda v: v["base"].update(id="0" * 64)), "the base of prefopt.json"),
    "a card with a key": (lambda f: sealed(changed(f, "prefopt.json", lambda v: v.update(run="x"))), "unknown key 'run'"),
    "a table": (lambda f: sealed(changed(f, "adapter_config.json", lambda v: v.update(modules_to_save=["lm_head"]))), "modules_to_save"),
    "a foreign tensor": (lambda f: weights(f, "base_model.model.lm_head.weight"), "no part of a LoRA adapter"),
    "no safetensors": (lambda f: sealed({**f, WEIGHTS: b"\x80\x04\x95" + b"x" * 99}), "not a safetensors file"),
    "fewer labels": (
        lambda f: sealed({**f, "taxonomy.csv": f["taxonomy.csv"].rpartition(b"\n")[0].rpartition(b"\n")[0] + b"\n"}),
        "the number of labels",
    ),
    "nothing": (lambda f: {}, "main holds no promoted round"),
}


def test_a_hostile_repository_is_refused_with_words(hub: WritingHub, say: CommandLine, tmp_path: Path) -> None:
    say("push", REPO, "--round", "0")
    good = hub.repos[REPO].files("main")
    before = set(tmp_path.iterdir())
    for number, (name, (change, said)) in enumerate(HOSTILE.items()):
        repo = f"bad/r{number}"
        hub.new(repo).add(change(good), "main")
        printed = say("init", str(tmp_path / "new"), "--from", f"hub:{repo}", code=1)
        assert said in printed, (name, printed)
        assert ".pulled" not in printed, name
        assert set(tmp_path.iterdir()) <= before | {tmp_path / "hf"}, name


def test_what_names_no_round_is_refused(hub: WritingHub, say: CommandLine, tmp_path: Path) -> None:
    say("push", REPO, "--round", "0")
    new = str(tmp_path / "new")
    for words, said in (
        (["--from", REPO], "names no round on the Hub"),
        (["--from", f"hub:{REPO}@round-007"], "published there: round-000"),
        (["--from", "hub:no/such"], "no such repository"),
        (["--from", f"hub:{REPO}", "--example"], "labels and words come with --from"),
        (["--model", "tiny"], "--model is read with --from alone"),
    ):
        assert said in say("init", new, *words, code=1)
    assert "is not empty" in say("init", str(say.folder), "--from", f"hub:{REPO}", code=1)
    made = json.loads(say("init", new, "--from", f"hub:{REPO}@{hub.repos[REPO].tags['round-000']}", "--json"))
    assert (made["round"], made["base"], made["labels"]) == (0, "tiny", 12)


def test_a_base_in_a_folder_needs_a_name_for_others(hub: WritingHub, project: Path, say: CommandLine, tmp_path: Path) -> None:
    from prefopt.model.tiny import checkpoint_path

    base = Path(shutil.copytree(checkpoint_path(), tmp_path / "base"))
    for number in (0, 2):
        refreeze(open_project(project).round(number), [ChangedSetting("train", "model.path", "tiny", str(base), "")])
    assert "a folder of this machine, which nobody else can load" in say("push", REPO, code=1)
    settings = project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + 'base_model = "school/base"\n', encoding="utf-8")
    say("push", REPO)
    sent = b"".join(content for files in hub.repos[REPO].commits.values() for content in files.values())
    assert b"base_model: school/base" in sent
    assert str(tmp_path).encode() not in sent
    assert "--model FOLDER" in say("init", str(tmp_path / "new"), "--from", f"hub:{REPO}", code=1)
    say("init", str(tmp_path / "new"), "--from", f"hub:{REPO}", "--model", str(base))
