"""What prefopt froze or recorded is what it reads: an edited round.toml, stage.json or record is refused, in words whose hint works."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from prefopt.errors import ProjectError
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.stage_folders import MANIFEST, config_hash, put_back, read_manifest, versions
from prefopt.project.audit import AuditRecord, read_audit, write_audit
from prefopt.project.frozen_file import copy_of
from prefopt.project.holdout import HoldoutRecord, read_record
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round, refreeze
from prefopt.rounds.artifacts import ADAPTER, METRICS, RECEIPTS, SLATES
from prefopt.rounds.frozen import hash_of_settings, refuse_edited, settings_read, take_up
from prefopt.rounds.machine import advance
from prefopt.rounds.order import STAGES
from prefopt.rounds.promotion import FILE as PROMOTED
from prefopt.rounds.promotion import PromotionEvent, Promotions, promotions
from prefopt.rounds.starting import branch, start_next
from tests.round_toml import without_digest
from tests.stages import NOON, finish_stage
from tests.unit.rankings_cases import slate

TOML = "[sample]\nslates = 9\n[recipes.dpo]\nlearning_rate = 1e-3\nbeta = 0.2\n"


@pytest.fixture
def rnd(tmp_path: Path) -> Round:
    (tmp_path / "prefopt.toml").write_text(TOML)
    return freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "dpo", "parent": 0})


def edit(rnd: Round, was: str, now: str) -> Round:
    """The round, opened again after an edit of its round.toml."""
    path = rnd.folder / "round.toml"
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, now, 1), encoding="utf-8")
    return open_project(rnd.project.root).round(rnd.number)


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("learning_rate = 0.001", "learning_rate = 0.1", "recipes.dpo.learning_rate is 0.1, was 0.001"),
        ("seed = 7", "seed = 9", "project.seed is 9, was 7"),
        ("parent = 0", "parent = 5", "start.parent is 5, was 0"),
        ("beta = 0.2", "", "recipes.dpo.beta is not set, was 0.2"),
        ("[start]", "[extra]\nnew = 1\n[start]", "extra.new is 1, was not set"),
        ('recipe = "dpo"', 'recipe = "kto"', "start.recipe is 'kto', was 'dpo'"),
        ("sha256 = ", 'sha256 = "0" # ', "its digest differs"),
    ],
)
def test_an_edit_is_refused_and_named_and_the_hint_undoes_it(rnd, was, now, named):
    kept = (rnd.folder / "round.toml").read_text(encoding="utf-8")
    found = edit(rnd, was, now)
    for reads in (lambda: found.config, lambda: advance(found), lambda: refuse_edited(found), lambda: take_up(found, STAGES["train"])):
        with pytest.raises(ProjectError, match=r"round\.toml has been changed since it was written") as raised:
            reads()
        assert named in raised.value.message
    command = raised.value.hint.removeprefix("put it back: ").partition(" (")[0]
    subprocess.run(shlex.split(command), check=True)
    assert (rnd.folder / "round.toml").read_text(encoding="utf-8") == kept
    assert open_project(rnd.project.root).round(1).recipe == "dpo"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("learning_rate = 0.001", "learning_rate   =   1.0e-3"),
        ("# Settings of round 001.", "# mine:"),
        ("[start]", "\n\n[start]  # a word\n"),
        ('server = ""', 'server = "http://127.0.0.1:1"'),
    ],
)
def test_edits_that_change_no_value_are_harmless(rnd, was, now):
    assert edit(rnd, was, now).config == open_project(rnd.project.root).round(1).config
    assert edit(rnd, "\n", "\r\n").recipe == "dpo"


def test_what_a_stage_takes_from_prefopt_toml_is_frozen_again(rnd):
    (rnd.project.root / "prefopt.toml").write_text(TOML.replace("0.2", "0.3"))
    changed = take_up(open_project(rnd.project.root).round(1), STAGES["train"])
    assert changed.config.recipes["dpo"]["beta"] == 0.3
    assert refreeze(changed, [], "kto").recipe == "kto"
    with pytest.raises(ProjectError, match=r"beta is 0\.4, was 0\.3"):
        _ = edit(rnd, "beta = 0.3", "beta = 0.4").config


def test_a_digest_that_was_taken_out_and_a_copy_that_was_lost_are_refused_too(rnd):
    copy = copy_of(rnd.folder / "round.toml")
    path = rnd.folder / "round.toml"
    kept = path.read_text(encoding="utf-8")
    path.write_text(kept.partition("[frozen]")[0].replace("beta = 0.2", "beta = 0.3"), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"beta is 0\.3, was 0\.2"):
        _ = Round(rnd.project, 1).config
    copy.unlink()
    path.write_text(kept.replace("beta = 0.2", "beta = 0.3"), encoding="utf-8")
    with pytest.raises(ProjectError, match="its digest differs") as raised:
        _ = Round(rnd.project, 1).config
    assert "restore it from a copy" in raised.value.hint


def test_an_interrupted_write_leaves_a_file_that_fits(rnd):
    """The copy is written first: killed between the two, round.toml is the old one and fits its own digest."""
    path = rnd.folder / "round.toml"
    kept = path.read_bytes()
    refreeze(rnd, [], "kto")
    path.write_bytes(kept)
    assert Round(rnd.project, 1).recipe == "dpo"


@pytest.mark.parametrize("content", [b"[", b"\xff\xfe", b"a = " + b"9" * 5000])
def test_a_file_that_is_not_toml_is_put_back_by_the_hint(rnd, content):
    path = rnd.folder / "round.toml"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=r"not TOML|not UTF-8|thousands of digits") as raised:
        _ = Round(rnd.project, 1).config
    subprocess.run(shlex.split(raised.value.hint.removeprefix("put it back: ").partition(" (")[0]), check=True)
    assert Round(rnd.project, 1).recipe == "dpo"


def with_stages(rnd: Round) -> Round:
    """With sample and publish done, whose stage.json records the settings as the machine does."""
    finish_stage(rnd, {SLATES: [slate("s1")]})
    finish_stage(rnd, {RECEIPTS: []})
    for name in ("sample", "publish"):
        path = rnd.stage(name) / MANIFEST
        manifest = read_manifest(rnd.stage(name))
        write_sealed(path, manifest.model_copy(update={"config_hash": hash_of_settings(rnd, name), "versions": versions()}))
    return rnd


def test_a_round_of_a_version_without_digests_works_and_is_checked_by_what_its_stages_recorded(rnd):
    path = with_stages(rnd).folder / "round.toml"
    without_digest(path)
    older = Round(rnd.project, 1)
    refuse_edited(older)
    assert older.config == rnd.config
    path.write_text(path.read_text(encoding="utf-8").replace("slates = 9", "slates = 8"), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"round\.toml has been changed since stage sample ran: its settings \(project, .*sample"):
        refuse_edited(Round(rnd.project, 1))
    path.write_text(path.read_text(encoding="utf-8").replace("slates = 8", "slates = 9").replace('"dpo"', '"kto"'), encoding="utf-8")
    with pytest.raises(ProjectError, match="its recipe"):
        refuse_edited(Round(rnd.project, 1))


def test_a_setting_that_an_older_file_lacks_is_no_edit(rnd):
    """A stage.json of the same version whose round.toml lacks a newer setting: the hash is of the settings that there were."""
    found = with_stages(rnd)
    without_digest(found.folder / "round.toml", lambda text: text.replace('unfit = "stop" # default\n', ""))
    older = Round(rnd.project, 1)
    manifest = read_manifest(older.stage("sample"))
    known = {key: value for key, value in settings_read(older, "sample").items() if key != "data.unfit"}
    recorded = config_hash({"recipe": "dpo", **known})
    write_sealed(older.stage("sample") / MANIFEST, manifest.model_copy(update={"config_hash": recorded}))
    shutil.rmtree(older.stage("publish"))
    refuse_edited(older)


def test_an_edited_stage_json_is_refused(rnd):
    path = with_stages(rnd).stage("sample") / MANIFEST
    text = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(text)), encoding="utf-8")
    assert read_manifest(rnd.stage("sample")).round == 1, "layout is no content"
    path.write_text(text.replace('"round": 1', '"round": 2'), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"stage\.json has been changed since it was written") as raised:
        read_manifest(rnd.stage("sample"))
    assert raised.value.hint == "restore the file from a copy"
    path.write_text(json.dumps({key: value for key, value in json.loads(text).items() if key != "digest"}), encoding="utf-8")
    assert read_manifest(rnd.stage("sample")).round == 1, "of a version before the digest"


def test_edited_records_of_a_project_are_refused(tmp_path):
    (tmp_path / "prefopt.toml").write_text("")
    project, rounds = open_project(tmp_path), tmp_path / "rounds"
    rounds.mkdir()
    event = PromotionEvent(round=0, outcome="promoted", by="person", at=NOON, because="why")
    write_sealed(rounds / PROMOTED, Promotions(promoted=0, events=(event,)))
    write_sealed(rounds / "holdout.json", HoldoutRecord(share=0.2, problems={"g1": "holdout"}))
    write_audit(rounds, AuditRecord())
    reads = {PROMOTED: lambda: promotions(project), "holdout.json": lambda: read_record(rounds), "audit.json": lambda: read_audit(rounds)}
    edits = {PROMOTED: ("why", "because"), "holdout.json": ('"holdout"', '"train"'), "audit.json": ("[]", "[ ]")}
    for name, read in reads.items():
        assert read() is not None
        path = rounds / name
        path.write_text(path.read_text(encoding="utf-8").replace(*edits[name]), encoding="utf-8")
        if name == "audit.json":
            assert read() == AuditRecord()
            continue
        with pytest.raises(ProjectError, match=f"{name} has been changed since it was written"):
            read()


def test_a_document_without_a_digest_is_read_as_it_is(tmp_path):
    (tmp_path / "a.json").write_text('{"share": 0.5}')
    assert json.loads(read_sealed(tmp_path / "a.json")) == {"share": 0.5}
    for text in ("[1]", "{", "[" * 100_000):
        (tmp_path / "a.json").write_text(text)
        assert read_sealed(tmp_path / "a.json") == text.encode()


def test_no_round_starts_after_or_from_an_edited_one(rnd):
    with_stages(rnd)
    for name in ("collect", "pair", "train", "calibrate", "decide", "report"):
        rnd.stage(name).mkdir()
        (rnd.stage(name) / MANIFEST).write_text("{}")
    found = edit(rnd, "beta = 0.2", "beta = 0.3").project
    for start in (lambda: start_next(found), lambda: branch(found, 1, "pair", None)):
        with pytest.raises(ProjectError, match=r"beta is 0\.3, was 0\.2"):
            start()
    assert [r.number for r in found.rounds()] == [1]


def test_a_stage_that_a_crash_left_aside_is_put_back(rnd):
    folder = finish_and_leave(rnd)
    put_back(folder)
    assert (folder / "metrics.jsonl").read_text() == "old"
    put_back(folder)
    folder.with_name(".train.old").mkdir()
    put_back(folder)
    assert not folder.with_name(".train.old").exists()


def finish_and_leave(rnd: Round) -> Path:
    """The folder of a stage between the two renames that replace it."""
    finish_stage(rnd, {ADAPTER: "weights", METRICS: "old"})
    folder = rnd.stage("train")
    folder.rename(folder.with_name(".train.old"))
    return folder
