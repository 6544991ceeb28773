"""[domain]: the words of a project reach the model's prompt, and no word of mathematics reaches another subject."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from feedback.guide import Kind, guide_of
from feedback.words import TEXTS, said
from prefopt.config import INSTRUCTIONS_KO, QUESTION_KO, PromptSettings
from prefopt.domain import DomainSettings, foreign_words, instructions_of, question_of, whole_words
from prefopt.errors import ConfigError
from prefopt.project.init import make_project
from prefopt.project.project import open_project
from prefopt.project.words import contradictions, domain_of
from prefopt.taxonomy import builtin_taxonomy, read_taxonomy
from tests.command_line import CommandLine

HISTORY = "코드,이름,시대\n" + "".join(f"H{i:02d},{name},{era}\n" for i, (name, era) in enumerate([
    ("선사 시대와 고조선", "고대"), ("삼국의 성립", "고대"), ("통일 신라와 발해", "고대"), ("고려의 건국", "중세"), ("무신 정권", "중세"),
    ("조선의 건국", "근세"), ("임진왜란", "근세"), ("조선 후기의 변화", "근세"), ("개항과 개혁", "근대"), ("일제 강점기", "근대"),
    ("광복과 분단", "현대"), ("민주화", "현대"),
], 1))  # fmt: skip
OF_MATHEMATICS = re.compile(r"수학|성취\s?기준|mathematic|standard", re.IGNORECASE)


def words(**given: str) -> DomainSettings:
    return DomainSettings.model_validate({**whole_words(given), **given})


@pytest.fixture
def taxonomy_file(tmp_path: Path) -> Path:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY, encoding="utf-8")
    return path


def project_of(folder: Path, taxonomy: Path | None = None, **given: str):
    list(make_project(folder, taxonomy=taxonomy, **given))
    return open_project(folder)


def replaced(folder: Path, old: str, new: str):
    path = folder / "prefopt.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return open_project(folder)


def test_a_project_without_words_of_its_own_asks_as_before(tmp_path):
    project = project_of(tmp_path / "mathclass")
    assert project.config.domain.is_default
    assert project.config.prompt == PromptSettings()
    (tmp_path / "mathclass" / "prefopt.toml").write_text("[project]\nname = 'old'\n", encoding="utf-8")
    assert open_project(tmp_path / "mathclass").config.prompt.instructions == INSTRUCTIONS_KO


@pytest.mark.parametrize(
    "given", [{}, {"subject": "역사"}, {"subject": "역사", "label": "단원"}, {"language": "en"}, {"subject": "history", "language": "en"}]
)
def test_a_history_project_never_speaks_of_mathematics(tmp_path, taxonomy_file, given):
    project = project_of(tmp_path / "h", taxonomy_file, **given)
    config, taxonomy = project.config, read_taxonomy(tmp_path / "h" / "taxonomy.csv")
    assert len(taxonomy) == 12
    shown = [said(key, config.domain) for key in TEXTS["ko"] if "{value}" not in TEXTS["ko"][key]]
    shown += [guide_of(config.domain, taxonomy, kind, tmp_path) for kind in get_args(Kind)]
    asked = [config.prompt.instructions, config.prompt.question.format(id="", name="")]
    written = [config.answer.label_key, (tmp_path / "h" / "prefopt.toml").read_text(encoding="utf-8")]
    assert [text for text in (*shown, *asked, *written) if OF_MATHEMATICS.search(text)] == []
    assert [text for text in (*shown, *asked) if re.search(r"[{}]|\[[은이을과]/|\([은이을와]\)", text)] == []
    assert (config.answer.label_key, config.answer.fields) == ("label", ())
    assert project.config.project.language == config.domain.language == given.get("language", "ko")
    assert contradictions(project, taxonomy) == []
    if given.get("language") == "en":
        names = "|".join(label.name for label in taxonomy)
        assert [text for text in (*shown, *asked) if re.search("[가-힣]", re.sub(names, "", text))] == []


@pytest.mark.parametrize(
    ("given", "instructions", "question"),
    [
        (
            {"subject": "역사", "item": "사료", "label": "시대"},
            "역사 사료를 읽고 시대 하나를 고른다. 답은 JSON으로만 쓴다.",
            "이 사료가 {id} {name}에 속하는 까닭을 두세 문장으로 설명하라.",
        ),
        (
            {"item": "문항", "label": "단원", "framework": "2015 개정 교육과정"},
            "문항을 읽고 2015 개정 교육과정의 단원 하나를 고른다. 답은 JSON으로만 쓴다.",
            "이 문항이 {id} {name}에 속하는 까닭을 두세 문장으로 설명하라.",
        ),
        (
            {"language": "en", "subject": "history", "item": "source", "label": "era"},
            "Read the history source and choose one era. Answer with JSON only.",
            "Explain in two or three sentences why this source is classified as {id} {name}.",
        ),
    ],
)
def test_the_model_is_asked_in_these_words(given, instructions, question):
    assert (instructions_of(words(**given)), question_of(words(**given))) == (instructions, question)


def test_words_that_are_set_stay_and_words_that_lack_are_neutral(tmp_path, taxonomy_file):
    project = project_of(tmp_path / "h", taxonomy_file, subject="역사")
    text = (tmp_path / "h" / "prefopt.toml").read_text(encoding="utf-8")
    (tmp_path / "h" / "prefopt.toml").write_text(re.sub(r"(?m)^(item|label|framework) = .*\n", "", text, count=3), encoding="utf-8")
    domain = open_project(tmp_path / "h").config.domain
    assert (domain.item, domain.label, domain.framework) == ("문제", "분류", "")
    own = replaced(tmp_path / "h", "[model]", '[prompt]\ninstructions = "사료를 읽는다."\n\n[model]')
    assert own.config.prompt.instructions == "사료를 읽는다."
    assert own.config.prompt.question == project.config.prompt.question
    assert own.resolved.origin("prompt.question") == "prefopt.toml [domain]"


def test_the_language_alone_makes_english_words_of_mathematics():
    domain = words(language="en")
    assert (domain.thing, domain.label) == ("mathematics problem", "standard")
    assert "standard" in guide_of(domain, builtin_taxonomy(), "best", Path())
    assert not re.search("[가-힣]", guide_of(domain, builtin_taxonomy(), "best", Path()))


@pytest.mark.parametrize(
    ("text", "domain", "found"),
    [
        (INSTRUCTIONS_KO, words(subject="역사"), ("수학", "성취기준")),
        (INSTRUCTIONS_KO, words(label="단원"), ("수학", "성취기준")),
        (QUESTION_KO, words(subject="역사"), ()),
        ("역사 문제를 읽고 과학 기술의 발전을 찾는다.", words(subject="역사"), ()),
        (
            "Read the mathematics problem; choose one of the standards.",
            words(language="en", subject="history"),
            ("mathematics", "standard"),
        ),
        ("A standardized text, aftermath included.", words(language="en", subject="history"), ()),
        (INSTRUCTIONS_KO, DomainSettings(), ()),
        ("standard", DomainSettings(), ()),
    ],
)
def test_words_that_contradict_the_domain(text, domain, found):
    assert foreign_words(text, domain) == found


def test_check_names_what_contradicts_the_words(tmp_path, taxonomy_file):
    folder, taxonomy = tmp_path / "h", read_taxonomy(taxonomy_file)
    project_of(folder, taxonomy_file, subject="역사")
    project = replaced(folder, 'label_key = "label"', 'label_key = "standard"')
    assert ["answer.label_key" in found for found in contradictions(project, taxonomy)] == [True]
    project = replaced(folder, 'label_key = "standard"', 'label_key = "label"')
    project = replaced(folder, "[model]", f'[prompt]\ninstructions = "{INSTRUCTIONS_KO}"\n\n[model]')
    (found,) = contradictions(project, taxonomy)
    assert "prompt.instructions says 수학, 성취기준" in found
    (folder / "prefopt.toml").write_text("[project]\nlanguage = 'en'\n[answer]\nlabel_key = 'label'\n", encoding="utf-8")
    assert [found[:25] for found in contradictions(open_project(folder), taxonomy)] == [
        "model and teachers read o",
        "project.language is en, a",
    ]
    (folder / "prefopt.toml").write_text("[domain]\nsubject = '역사'\n[answer]\nlabel_key = 'label'\n", encoding="utf-8")
    assert contradictions(open_project(folder), taxonomy) == []
    (found,) = contradictions(open_project(folder), builtin_taxonomy())
    assert "mathematics curriculum" in found


def test_a_guide_of_ones_own_is_shown_and_looked_at(tmp_path, taxonomy_file):
    folder, taxonomy = tmp_path / "h", read_taxonomy(taxonomy_file)
    project_of(folder, taxonomy_file, subject="역사")
    project = replaced(folder, 'guide = ""', 'guide = "guide.md"')
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        contradictions(project, taxonomy)
    assert "or delete guide" in raised.value.hint
    (folder / "guide.md").write_text("# 수학 선생님께\n", encoding="utf-8")
    assert guide_of(project.config.domain, taxonomy, "best", folder) == "# 수학 선생님께"
    assert ["domain.guide says 수학" in found for found in contradictions(project, taxonomy)] == [True]
    with pytest.raises(ConfigError, match="delete one of them"):
        replaced(folder, 'example = ""', 'example = "보기"')


@pytest.mark.parametrize("text", ["분류{", "<b>", "a\nb", "[은/는]"])
def test_a_word_is_plain(text):
    if text == "a\nb":
        assert words(subject=text).subject == "a b"
        return
    with pytest.raises(ConfigError, match="no markup"):
        domain_of(builtin_taxonomy(), subject=text)


def test_nothing_is_written_for_an_unknown_language(tmp_path, taxonomy_file):
    with pytest.raises(ConfigError) as raised:
        project_of(tmp_path / "h", taxonomy_file, language="fr")
    assert raised.value.hint == "--language ko, or --language en"
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("header", "row", "label"),
    [
        ("코드,이름,시대", "H1,고려,중세", ("H1", "고려", ("중세",))),
        ("단원코드,단원명,대단원", "H1,고려,중세", ("H1", "고려", ("중세",))),
        ("분류코드,분류,시대", "H1,고려,중세", ("H1", "고려", ("중세",))),
        ("번호,단원,시대", "1,고려,중세", ("1", "고려", ("중세",))),
        ("label_code,label,era", "H1,Goryeo,Middle Ages", ("H1", "Goryeo", ("Middle Ages",))),
        ("id,title,era", "H1,Goryeo,Middle Ages", ("H1", "Goryeo", ("Middle Ages",))),
        ("code,name,단원", "H1,고려,중세", ("H1", "고려", ("중세",))),
    ],
)
def test_names_of_columns_of_a_taxonomy(tmp_path, header, row, label):
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\nH2,조선,근세\n", encoding="utf-8")
    first = read_taxonomy(tmp_path / "t.csv").labels[0]
    assert (first.code, first.name, first.groups) == label


def test_the_words_are_typed_at_init(tmp_path, taxonomy_file, monkeypatch, capsys):
    typed = CommandLine(tmp_path, monkeypatch, capsys)
    said = typed("init", "h", "--taxonomy", str(taxonomy_file), "--subject", "history", "--label", "era", "--language", "en")
    assert "(history problem) and a label (era)" in " ".join(said.split())
    config = open_project(tmp_path / "h").config
    assert config.prompt.instructions == "Read the history problem and choose one era. Answer with JSON only."
    typed("init", "g", "--taxonomy", str(taxonomy_file), "--language", "fr", code=1)
    assert "--language ko, or --language en" in typed.errors


def test_data_check_expects_the_language_of_the_project(tmp_path, taxonomy_file, monkeypatch, capsys):
    typed = CommandLine(tmp_path, monkeypatch, capsys)
    typed("init", "h", "--taxonomy", str(taxonomy_file), "--subject", "history", "--language", "en")
    rows = [f'{{"id": "g{i}", "text": "Which king built the temple of the year {i}?", "label": "H0{i}"}}\n' for i in range(1, 5)]
    (tmp_path / "h" / "data" / "gold.jsonl").write_text("".join(rows), encoding="utf-8")
    kinds = json.loads(typed("data", "check", "--json", code=None, folder=tmp_path / "h"))["kinds"]
    assert "language" not in kinds
    typed("data", "check", "--json", "--language", "ko", code=None, folder=tmp_path / "h")
