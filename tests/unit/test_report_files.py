"""The report as files: the same bytes again, every number in the JSON, no request, and hostile text adds no element."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from prefopt.calibration.paired_result import Discordance
from prefopt.calibration.result import BaselineComparison
from prefopt.errors import CalibrationError
from prefopt.grounds import ComparedInUse, Estimate
from prefopt.report import Overruling, write_report
from prefopt.report.page import figures, render
from prefopt.report.wording.fixed import TEXTS
from tests.unit.posteriors import report_contents
from tests.unit.rankings_cases import disputed_summary

HOSTILE = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "style": "</style><style>*{display:none}</style>",
    "template": "{{ 7*7 }}{% include 'x' %}",
    "controls": "<|end|><|start|>system\x00\x07\u202egnp.exe\u2066",
    "surrogate": "\ud800 half a character",
    "long": "가" * 1_000_000,
}


class Elements(HTMLParser):
    """Counts elements and keeps attributes and visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def contents():
    return report_contents()


def test_the_same_contents_give_the_same_bytes(contents, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_report(contents, tmp_path / name)
    for name in ("report.html", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_text_adds_no_element_and_is_cut(name, contents, tmp_path):
    hostile = replace(contents, examples=dict.fromkeys(contents.examples, HOSTILE[name]))
    harmless = render(replace(contents, examples=dict.fromkeys(contents.examples, "one plain text")))  # lists show one of a wording
    page = render(hostile)
    assert Elements(page).tags == Elements(harmless).tags
    assert not re.search(r"[\x00-\x08\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert len(page) < len(harmless) + 60_000
    write_report(hostile, tmp_path)
    json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"surrogate"}))  # a teacher's words come as UTF-8
def test_hostile_words_of_teachers_add_no_element(name, contents, tmp_path):
    assert contents.feedback is not None
    harmless, hostile = (
        replace(contents, feedback=replace(contents.feedback, summary=disputed_summary(*words)))
        for words in (("kim", "?", "ok"), (HOSTILE[name],) * 3)
    )
    page = render(hostile)
    assert Elements(page).tags == Elements(render(harmless)).tags
    assert not re.search(r"[\x00-\x08\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert len(page) < len(render(harmless)) + 60_000
    write_report(hostile, tmp_path)
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["feedback"]["summary"]
    assert written["disputed_slates"] == 1


def test_hostile_names_are_escaped_too(contents):
    page = render(replace(contents, project="<script>alert(1)</script>"))
    assert "script" not in Elements(page).tags


def test_no_script_no_address_no_inline_style(contents):
    found = Elements(render(contents))
    assert not {"script", "link", "img", "iframe", "object", "form", "a", "use", "image"} & set(found.tags)
    names = {name for name, _ in found.attributes}
    assert not {"style", "src", "href", "xlink:href", "srcset", "action"} & names
    assert not [name for name in names if name.startswith("on")]


def test_the_style_is_allowed_by_its_hash_and_loads_nothing(contents):
    page = render(contents)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in re.search(r'Policy" content="([^"]*)"', page)[1].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert not re.search(r"url\(|@import|@font-face", style)


def test_both_languages_are_inside_and_the_asked_one_is_open(contents):
    for language in ("ko", "en"):
        page = render(replace(contents, language=language))
        assert f'<html lang="{language}">' in page
        checked = re.findall(r'id="lang-(..)"[^>]*checked', page)
        assert checked == [language]
        assert "라운드 보고서" in page
        assert "Round report" in page


def test_every_number_shown_is_in_the_json(contents):
    shown = set(re.findall(r"\d+\.\d+", " ".join(Elements(render(contents)).words)))
    shown -= set(re.findall(r"\d+\.\d+", render(contents).split("<body>")[0]))
    known: set[str] = set()

    def gather(tree):
        if isinstance(tree, dict):
            for value in tree.values():
                gather(value)
        elif isinstance(tree, list):
            for value in tree:
                gather(value)
        elif isinstance(tree, str):
            known.update(re.findall(r"\d+\.\d+", tree))
        elif isinstance(tree, float):
            for scale in (1, 100):
                known.update(f"{abs(scale * tree):.{digits}f}" for digits in (1, 2, 3))

    gather(figures(contents))
    ticks = {text for text in shown if re.fullmatch(r"0\.\d{1,2}", text)}  # the axis of the Brier chart
    assert len(shown) > 60
    assert shown - known - ticks == set()


def test_the_json_is_plain_and_has_the_outcome(contents, tmp_path):
    write_report(contents, tmp_path)
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert found["decision"]["outcome"] == contents.current.decision.outcome
    assert [row["round"] for row in found["history"]] == [0, 1]
    assert found["feedback"]["dropped"] == {"tie": 4}
    assert found["calibration"]["n"] == 200


def test_the_json_counts_what_the_round_left_out(contents, tmp_path):
    write_report(replace(contents, left_out={"formula-lost": 2}), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["left_out"] == {"formula-lost": 2}


def test_the_classical_baseline_is_shown_where_it_is_given(contents):
    test = Discordance(gained=30, lost=20, p_value=0.2)
    baseline = BaselineComparison(accuracy=Estimate(value=0.5123, low=0.44, high=0.58), trained_on=300, unseen=3, mcnemar=test)
    row = replace(contents.current, calibration=contents.current.calibration.model_copy(update={"baseline": baseline}))
    with_baseline = replace(contents, history=(*contents.history[:-1], row))
    assert "51.2%" in render(with_baseline)
    assert figures(with_baseline)["calibration"]["baseline"]["accuracy"]["value"] == 0.5123
    assert TEXTS["baseline"].en not in render(contents)


def test_simulated_teachers_are_named_on_the_first_screen_and_real_ones_are_not_called_so(contents):
    hero = render(contents).split('class="tiles"')[0]
    assert "모의 교사" in hero
    assert "simulated teachers" in hero
    real = render(replace(contents, feedback=replace(contents.feedback, simulated=False)))
    assert "모의" not in real
    assert "simulated" not in real


def test_a_first_round_has_no_teachers_and_no_trend_chart():
    page = render(report_contents(rounds=1))
    assert "기초 학습 단계" in page
    assert '<polyline class="trend"' not in page
    assert "첫 모델" in page


def test_a_history_that_does_not_end_with_the_round_is_refused(contents):
    with pytest.raises(CalibrationError, match="has rounds"):
        replace(contents, round=5)
    with pytest.raises(CalibrationError, match="has rounds"):
        replace(contents, history=contents.history[::-1])


def test_a_persons_decision_comes_first_and_the_rules_decision_next_to_it(contents):
    overruling = Overruling("held", "아직 <b>이르다</b>", "2026-01-02")
    row = replace(contents.current, overruled=overruling)
    overruled = replace(contents, history=(*contents.history[:-1], row), in_use=0)
    hero = render(overruled).split('class="tiles"')[0]
    assert contents.current.decision.outcome == "promoted"
    assert "이 모델을 보류했습니다" in render(overruled)
    assert "규칙에 따른 결정은 ‘채택’" in hero
    assert "아직 &lt;b&gt;이르다&lt;/b&gt;" in hero
    known = figures(overruled)
    assert (known["outcome"], known["decision"]["outcome"], known["in_use"]) == ("held", "promoted", 0)
    assert known["history"][-1]["overruled"]["because"] == overruling.because


def test_a_promotion_on_a_comparison_in_use_cites_it(contents):
    difference = Estimate(value=0.05, low=0.01, high=0.09)
    counts = {"problems": 420, "decisions": 60, "e": 31.4, "needed": 22.2}
    ground = ComparedInUse(comparison="c1", other=1, mode="paired", difference=difference, confidence_level=0.95, **counts)
    row = replace(contents.current, overruled=Overruling("promoted", "이번 학기", "2026-01-02", ground))
    cited = replace(contents, history=(*contents.history[:-1], row))
    page = render(cited)
    assert "쓰는 동안의 비교를 보고 사람이 결정했습니다(2026-01-02): 채택" in page
    assert "라운드 001의 모델보다 +5.0%p 더 자주 맞혔습니다" in page
    assert "420 problems, 60 blind decisions of teachers, evidence 31.4, decided at 22.2." in page
    assert figures(cited)["overruled"]["ground"] == ground.model_dump(mode="json")
    json.dumps(figures(cited))


def test_an_older_report_names_the_adapter_in_use_now(contents):
    assert "지금 쓰는 모델" not in render(replace(contents, in_use=1))
    assert "지금 쓰는 모델은 라운드 000의" in render(replace(contents, in_use=0))


def test_the_report_of_2000_problems_stays_small(tmp_path):
    big = report_contents(n=2000)
    write_report(big, tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


def test_figures_that_an_old_calibration_lacks_are_left_out_of_its_report(contents):
    old = contents.current.calibration.model_copy(update={"views": (), "hierarchical": None, "overconfident": (), "single": None})
    row = replace(contents.current, calibration=old)
    page = render(replace(contents, history=(*contents.history[:-1], row), disputed=(), costs=()))
    for name in ("over", "disputed", "cost"):
        assert f'id="{name}"' in render(contents)
        assert f'id="{name}"' not in page
