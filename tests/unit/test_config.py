"""prefopt.toml: every error names the file, the line and a correction."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from prefopt.cli.settings_page import settings_page
from prefopt.config import ProjectConfig
from prefopt.errors import ConfigError
from prefopt.io.toml_settings import line_of
from prefopt.project.project import Project, Round
from prefopt.project.resolve import load_config
from prefopt.project.round_toml import freeze_round
from prefopt.rounds.frozen import changes_since


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prefopt.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[project]\nname = "x"\n\n[sample]\nslate = 3\n', "prefopt.toml:5: unknown key 'sample.slate'", "did you mean 'slates'?"),
        ("[smaple]\nslates = 3\n", "prefopt.toml:1: unknown key 'smaple'", "did you mean 'sample'?"),
        ("[sample]\nslates = 0\n", "prefopt.toml:2: sample.slates = 0", "edit sample.slates"),
        ('[sample]\nslates = "many"\n', "prefopt.toml:2: sample.slates = 'many'", "edit"),
        ("[data]\nholdout_share = 1.0\n", "prefopt.toml:2: data.holdout_share = 1.0", "edit"),
        ('[project]\nname = "Große Klasse"\n', "prefopt.toml:2: project.name", "edit"),
        ("[round]\nrecipes = []\n", "prefopt.toml:2: round.recipes = []", "edit"),
        ("[sample\n", "not TOML", ""),
    ],
)
def test_faults_are_named(tmp_path, text, message, hint):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_a_missing_file_is_reported_with_the_command_that_creates_it(tmp_path):
    with pytest.raises(ConfigError, match="prefopt init"):
        load_config(tmp_path / "prefopt.toml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "prefopt.toml"
    path.write_bytes('[project]\nname = "수학"\n'.encode("cp949"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path)


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "prefopt.toml"
    path.write_bytes(b"\xef\xbb\xbf[sample]\nslates = 9\n")
    assert load_config(path).config.sample.slates == 9


def test_every_value_keeps_its_origin(tmp_path):
    path = write(tmp_path, "[sample]\nslates = 9\n\n[recipes.dpo]\nbeta = 0.2\n")
    resolved = load_config(path, {"round.recipes": (["kto"], "--recipe")})
    assert resolved.origin("sample.slates") == "prefopt.toml:2"
    assert resolved.origin("recipes.dpo.beta") == "prefopt.toml:5"
    assert resolved.origin("round.recipes") == "--recipe"
    assert resolved.origin("sample.candidates") == "default"
    assert resolved.config.round.recipes == ("kto",)


def test_the_line_of_a_dotted_key():
    text = 'a = 1\n[x]\n# y = 3\ny = 2\n[x.z]\ny = 4\nw = ["p", "q"]\n'
    assert [line_of(text, key) for key in ("a", "x.y", "x.z.y", "x.z.w.1", "x.z.nowhere")] == [1, 4, 6, 7, 5]


def test_a_frozen_round_is_read_back_exactly_with_the_origins(tmp_path):
    path = write(tmp_path, '[sample]\nslates = 9\n[feedback.options]\nurl = "http://x"\n[recipes.dpo]\nlearning_rate = 5e-7\n')
    project = Project(tmp_path, load_config(path))
    frozen = freeze_round(project, 3, {"round": 3, "recipe": "dpo", "parent": 0})
    text = (frozen.folder / "round.toml").read_text(encoding="utf-8")
    assert Round(project, 3).config == project.config
    assert Round(project, 3).recipe == "dpo"
    assert "slates = 9 # prefopt.toml:2" in text
    assert "candidates = 4 # default" in text
    assert tomllib.loads(text)["recipes"]["dpo"]["learning_rate"] == 5e-7


def test_a_later_edit_is_told_from_what_the_round_took(tmp_path):
    project = Project(tmp_path, load_config(write(tmp_path, "[sample]\nslates = 9\n")))
    freeze_round(project, 1, {"round": 1, "recipe": "dpo", "parent": 0})
    edited = Project(tmp_path, load_config(write(tmp_path, "[sample]\nslates = 8\n")))
    assert Round(edited, 1).config.sample.slates == 9
    assert [str(change.what) for change in changes_since(Round(edited, 1))] == ["sample.slates 8, was 9"]


def test_all_defaults_are_valid():
    assert ProjectConfig.model_validate({}) == ProjectConfig()


def test_the_settings_page_is_up_to_date():
    page = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: python -m prefopt.cli.settings_page > docs/settings.md"
    assert "|  |\n" not in page, "a setting has no description"


def test_a_preset_sets_defaults_that_the_file_overrides(tmp_path):
    (tmp_path / "prefopt.toml").write_text(
        '[train]\npreset = "gpu24"\n[adapter]\nrank = 4\n[recipes.dpo]\nbeta = 0.3\ngradient_accumulation_steps = 3\n'
    )
    found = load_config(tmp_path / "prefopt.toml")
    assert (found.config.adapter.rank, found.config.adapter.alpha, found.config.model.nf4_attention) == (4, 16, True)
    assert found.config.recipes["dpo"] == {"beta": 0.3, "gradient_accumulation_steps": 3, "batch_size": 2, "gradient_checkpointing": True}
    assert found.origin("adapter.rank") == "prefopt.toml:4"
    assert found.origin("adapter.alpha") == found.origin("recipes.kto.batch_size") == "preset gpu24"


def test_an_unknown_preset_is_refused(tmp_path):
    (tmp_path / "prefopt.toml").write_text('[train]\npreset = "gpu32"\n')
    with pytest.raises(ConfigError, match=r"prefopt\.toml:2: train\.preset = 'gpu32'"):
        load_config(tmp_path / "prefopt.toml")
