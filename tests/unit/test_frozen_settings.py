"""Which settings of a round are frozen, which are taken from prefopt.toml before a stage runs, and how round 000 is replaced."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from prefopt.errors import ConfigError, ProjectError, UndeclaredReadError
from prefopt.grounds import Clause
from prefopt.io.files import write_text
from prefopt.io.stage_folders import partial_folder
from prefopt.project.audit import AuditRecord, Opening, write_audit
from prefopt.project.holdout import is_bound
from prefopt.project.project import REPLACED, Project, Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import CLAUSES, Decision
from prefopt.report.wording.ledger_section import view
from prefopt.rounds.artifacts import (
    ADAPTER,
    DECISION,
    DROPPED,
    METRICS,
    PREFERENCES,
    RANKINGS,
    RECEIPTS,
    REPORT,
    REPORT_NUMBERS,
    REVIEW,
    SLATES,
)
from prefopt.rounds.frozen import (
    changes_since,
    frozen_by,
    pending,
    settings_read,
    take_goals,
    take_up,
    use_recipe,
    way_to_train,
    with_way_on,
)
from prefopt.rounds.looks import Looks, RuleLook
from prefopt.rounds.order import STAGES
from prefopt.rounds.promotion import FILE, follow_rule, promotions
from prefopt.rounds.reading import Reader, redo
from prefopt.rounds.reads import History
from prefopt.rounds.report_ledger import ledger
from prefopt.rounds.stage import as_read_by
from prefopt.rounds.starting import branch, replace_base, start_base
from tests.stages import NOON, finish_stage
from tests.unit.rankings_cases import slate

TOML = "[sample]\nslates = 9\n[prompt]\nmax_tokens = 512\n[recipes.dpo]\nbeta = 0.2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prefopt.toml").write_text(TOML)
    return tmp_path


def edited(folder: Path, text: str) -> Project:
    """The project after an edit of prefopt.toml."""
    (folder / "prefopt.toml").write_text(text)
    return open_project(folder)


def started(folder: Path, *stages: str) -> Round:
    """Round 001, with its first stages finished."""
    rnd = freeze_round(open_project(folder), 1, {"round": 1, "recipe": "dpo", "parent": 0})
    made = {
        "sample": {SLATES: [slate("s1")]},
        "publish": {RECEIPTS: []},
        "collect": {RANKINGS: []},
        "pair": {PREFERENCES: [], DROPPED: []},
        "train": {ADAPTER: "weights", METRICS: ""},
    }
    for name in stages:
        finish_stage(rnd, made[name])
    return rnd


TO_PAIR = ("sample", "publish", "collect", "pair")


def test_a_stage_takes_what_no_finished_stage_has_read(folder):
    started(folder, *TO_PAIR)
    project = edited(folder, TOML.replace("0.2", "0.3").replace("512", "600") + "[decide]\nalpha = 0.1\n[recipes.kto]\nbeta = 0.4\n")
    said: list[str] = []
    rnd = take_up(project.round(1), STAGES["train"], lambda change: said.append(str(change)))
    assert said == ["train: recipes.dpo.beta 0.3, was 0.2 (prefopt.toml)"]
    assert rnd.config.recipes == {"dpo": {"beta": 0.3}}
    assert rnd.config.prompt.max_tokens == 512, "sample has read it"
    assert rnd.config.decide.alpha == 0.05, "decide will take it"
    text = (rnd.folder / "round.toml").read_text(encoding="utf-8")
    assert "slates = 9 # prefopt.toml:2" in text
    assert "beta = 0.3 # prefopt.toml:6" in text
    (row,) = tomllib.loads(text)["changed"]
    assert {key: row[key] for key in ("stage", "key", "was", "now")} == {
        "stage": "train",
        "key": "recipes.dpo.beta",
        "was": 0.2,
        "now": 0.3,
    }
    assert take_up(rnd, STAGES["train"], lambda _: pytest.fail("nothing changes twice")).config == rnd.config
    assert take_up(rnd, STAGES["decide"]).config.decide.alpha == 0.1


def test_an_option_that_is_removed_is_the_default_again(folder):
    started(folder, *TO_PAIR)
    rnd = take_up(edited(folder, "").round(1), STAGES["train"])
    assert rnd.config.recipes == {"dpo": {}}
    assert rnd.config.sample.slates == 9
    assert tomllib.loads((rnd.folder / "round.toml").read_text())["changed"][0]["was"] == 0.2


def test_a_wrong_option_changes_nothing_and_names_prefopt_toml(folder):
    started(folder, *TO_PAIR)
    before = (folder / "rounds" / "001" / "round.toml").read_bytes()
    with pytest.raises(ConfigError, match=r"prefopt\.toml \[recipes\.dpo\]: unknown key 'bet'"):
        take_up(edited(folder, TOML.replace("beta", "bet")).round(1), STAGES["train"])
    assert (folder / "rounds" / "001" / "round.toml").read_bytes() == before


def test_status_says_from_when_on_a_change_is_used(folder):
    started(folder, *TO_PAIR)
    project = edited(folder, TOML.replace("9", "8").replace("0.2", "0.3") + '[round]\nsft = "dpo"\n[recipes.kto]\nbeta = 0.4\n')
    found = {p.change.key: (p.stage, p.later, p.again) for p in pending(project.round(1))}
    assert found == {
        "recipes.dpo.beta": ("train", False, None),  # later rounds have the default recipe
        "recipes.kto.beta": (None, False, None),
        "round.sft": (None, False, None),
        "sample.slates": (None, True, "prefopt round branch 1 --at sample"),
    }


def test_goals_are_taken_again_although_a_report_was_written_by_others(folder):
    rnd = started(folder, "sample")
    finish_stage(rnd, {REPORT: "page", REPORT_NUMBERS: "{}", REVIEW: ""})
    project = edited(folder, f"{TOML}[goals]\nmin_accuracy = 0.6\n")
    (waits,) = pending(project.round(1))
    assert (waits.change.key, waits.again) == ("goals.min_accuracy", "prefopt report 1 --again")
    said = []
    changed = take_goals(project.round(1), said.append)
    assert [change.what for change in said] == ["goals.min_accuracy 0.6, was 0.8"]
    assert changed.config.goals.min_accuracy == 0.6
    assert changes_since(changed) == []
    assert take_goals(changed, said.append) is changed


def test_a_round_whose_recipe_file_is_gone_is_still_shown(folder):
    rnd = freeze_round(open_project(folder), 1, {"round": 1, "recipe": "mine.py", "parent": 0})
    finish_stage(rnd, {ADAPTER: "weights", METRICS: ""})
    project = edited(folder, TOML.replace("0.2", "0.3") + '[round]\nrecipes = ["mine.py"]\n')
    found = {p.change.key: p.again for p in pending(project.round(1))}
    assert found == {"recipes.dpo.beta": "prefopt round branch 1 --at train", "round.recipes": None}


def test_the_recipe_changes_until_the_round_is_trained(folder):
    rnd = use_recipe(started(folder, *TO_PAIR), "kto", "--recipe")
    assert (rnd.recipe, rnd.parent.number) == ("kto", 0)
    assert tomllib.loads((rnd.folder / "round.toml").read_text())["changed"][0]["key"] == "start.recipe"
    finish_stage(rnd, {ADAPTER: "weights", METRICS: ""})
    with pytest.raises(ProjectError, match="was trained with recipe 'kto'") as raised:
        use_recipe(rnd, "orpo", "--recipe")
    assert raised.value.hint == "prefopt round branch 1 --at train --recipe orpo"


def test_a_linked_stage_freezes_nothing_and_its_own_settings_stay(folder):
    started(folder, *TO_PAIR, "train")
    project = edited(folder, TOML.replace("9", "8").replace("0.2", "0.3").replace("512", "600"))
    new = branch(project, 1, "train", None)
    assert (new.config.sample.slates, new.config.prompt.max_tokens, new.config.recipes["dpo"]["beta"]) == (9, 600, 0.3)
    assert frozen_by(new, "prompt.max_tokens") is None
    assert [change.key for change in changes_since(new)] == ["sample.slates"]


def test_a_hint_about_a_frozen_setting_says_how_to_go_on(folder):
    rnd = started(folder, *TO_PAIR)
    hint = "raise max_tokens under [prompt] in prefopt.toml"
    way = "; this round has used prompt.max_tokens already, so then type `prefopt round branch 1 --at train`"
    assert with_way_on(hint, rnd, "train") == hint + way
    assert with_way_on("lower beta under [recipes.dpo]", rnd, "train") == "lower beta under [recipes.dpo]"
    assert with_way_on("or lower min_weight under [pair]", rnd, "train").endswith("type `prefopt round branch 1 --at pair`")
    assert with_way_on("then: prefopt round branch N --at collect", rnd, "train") == "then: prefopt round branch 1 --at collect"


def test_a_setting_that_is_not_declared_cannot_be_read(folder):
    rnd = as_read_by(started(folder), STAGES["pair"])
    assert rnd.config.pair.ties is False
    assert rnd.config.data.gold == "data/gold.jsonl"
    for read in (lambda: rnd.config.model, lambda: rnd.config.data.pool, lambda: rnd.config.model_dump()):
        with pytest.raises(UndeclaredReadError, match="stage pair reads the setting"):
            read()


def test_work_is_resumed_only_where_what_the_stage_reads_is_the_same(folder):
    rnd = started(folder, *TO_PAIR)
    before = settings_read(rnd, "train")
    other = edited(folder, TOML + "[calibrate]\nbins = 20\n[recipes.kto]\nbeta = 0.5\n")
    assert settings_read(take_up(other.round(1), STAGES["train"]), "train") == before
    assert settings_read(take_up(edited(folder, TOML.replace("0.2", "0.3")).round(1), STAGES["train"]), "train") != before


def decided(project: Project, number: int, code: str) -> Round:
    rnd = freeze_round(project, number, {"round": number, "recipe": "sft", **({"parent": 0} if number else {})})
    finish_stage(rnd, {ADAPTER: f"weights {number}", METRICS: ""})
    finish_stage(rnd, {DECISION: Decision(outcome=CLAUSES[code], rule="r", grounds=(Clause(code=code),))})
    follow_rule(project)
    return rnd


def test_round_000_is_replaced_and_its_look_still_counts(folder):
    project = open_project(folder)
    decided(project, 0, "beats_majority")
    assert redo(project.round(0), "train") == "train round 000 again: prefopt sft --again"
    fresh, old = replace_base(edited(folder, TOML.replace("9", "8")))
    assert old is not None
    assert (old.parent, (old / "train" / "adapter").read_text()) == (folder / "rounds" / REPLACED, "weights 0")
    assert fresh.config.sample.slates == 8
    known = promotions(project)
    assert (known.promoted, known.events, [e.outcome for e in known.replaced]) == (None, (), ["promoted"])
    assert Looks().load(Reader(fresh)).judged == 1
    assert is_bound(folder / "rounds"), "nobody moves between training part and hold-out"
    decided(project, 0, "below_baseline")  # not the decision on the old one: no contradiction
    found = ledger(History(DECISION).load(Reader(project.round(0))), promotions(project), (), (), project.config, 0, AuditRecord())
    assert [(row.kind, row.round, row.outcome, row.replaced) for row in found.rows] == [("rule", 0, "promoted", True)]
    assert (found.missing, found.corrected) == ("no_adapter", None)
    shown = view(found)
    assert "Round 000 was trained again after it had been judged on this hold-out; times: 1." in shown["sentences"][0].en
    assert shown["rows"][0][1].en == "000 (replaced)"
    assert Looks().load(Reader(Round(project, 1))).judged == 2


def test_replacing_is_finished_by_the_next_command_after_a_crash(folder):
    project = open_project(folder)
    decided(project, 0, "beats_majority")
    (folder / "rounds" / REPLACED).mkdir()
    project.round(0).folder.rename(folder / "rounds" / REPLACED / "000-x")  # and then the process was killed
    start_base(project)
    assert [len(promotions(project).events), len(promotions(project).replaced)] == [0, 1]


def test_a_removed_later_round_is_a_look_that_stays(folder):
    project = open_project(folder)
    decided(project, 0, "beats_majority")
    decided(project, 1, "better_probabilities")
    shutil.rmtree(project.round(1).folder)
    fresh, _ = replace_base(project)
    found = Looks().load(Reader(fresh))
    assert (found.children, found.judged) == ((RuleLook(1, True),), 2)
    assert promotions(project).promoted is None


def test_round_000_stays_where_something_was_built_on_it(folder):
    project = open_project(folder)
    decided(project, 0, "beats_majority")
    opening = Opening(round=0, adapter_sha256="0", at=NOON, because="x", file="a", file_sha256="0", problems=(), groups=0)
    write_audit(folder / "rounds", AuditRecord(openings=(opening,)))
    with pytest.raises(ProjectError, match="the audit was opened for its adapter") as raised:
        replace_base(project)
    assert "new directory" in raised.value.hint
    (folder / "rounds" / "audit.json").unlink()
    freeze_round(project, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    with pytest.raises(ProjectError, match="rounds that were built on it: 001") as raised:
        replace_base(project)
    assert raised.value.hint == redo(project.round(0), "train") == way_to_train(project.round(0), None)
    assert project.round(0).stage("train").exists()


def test_wrong_options_move_nothing(folder):
    decided(open_project(folder), 0, "beats_majority")
    with pytest.raises(ConfigError, match="unknown key 'rate'"):
        replace_base(edited(folder, "[recipes.sft]\nrate = 1\n"))
    assert (folder / "rounds" / "000" / "train").exists()
    assert (folder / "rounds" / FILE).exists()


def test_round_000_without_a_finished_stage_follows_prefopt_toml(folder):
    first = start_base(open_project(folder))
    partial_folder(first.stage("train")).mkdir()
    write_text(folder / "mine.py", "from recipes.sft import recipe\n")
    project = edited(folder, TOML.replace("512", "600") + '[round]\nsft = "mine.py"\n')
    assert [(p.change.key, p.stage) for p in pending(project.round(0))] == [("prompt.max_tokens", "train"), ("round.sft", "train")]
    said: list[str] = []
    assert start_base(project, lambda change: said.append(str(change))).recipe == "mine.py"
    assert said == ['train: recipe "mine.py", was "sft" (prefopt.toml)']
    assert take_up(project.round(0), STAGES["train"]).config.prompt.max_tokens == 600


def test_a_missing_round_toml_is_not_written_again(folder):
    project = open_project(folder)
    decided(project, 0, "beats_majority")
    (folder / "rounds" / "000" / "round.toml").unlink()
    with pytest.raises(ProjectError, match=r"round\.toml is missing") as raised:
        start_base(project)
    assert raised.value.hint.endswith("prefopt sft --again")
    assert replace_base(project)[0].recipe == "sft"
