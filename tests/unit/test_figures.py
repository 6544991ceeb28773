"""Images beside problems: which files are taken, what teachers get of them, and that a slate keeps them."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.file import FileConfig, FileSource
from feedback.mapping import record_fields
from prefopt.data.checks.check_files import Part, check_data
from prefopt.data.prepare.mask_file import mask_file
from prefopt.data.prepare.split_file import split_file
from prefopt.errors import DataError
from prefopt.io.figure_files import MOST_BYTES, read_figure
from prefopt.protocols import FeedbackContext
from prefopt.readers.problem_rows import read_problems_of
from prefopt.records import Figure, Problem, Slate
from prefopt.taxonomy import builtin_taxonomy
from tests.unit.test_feedback_mapping import TAXONOMY, make_slate

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs><path id="a" d="M0 0h9"/></defs><use href="#a"/>{}</svg>'
REFUSED = {
    "script": DRAWING.format("<script>alert(1)</script>"),
    "handler": '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "handler in capitals": DRAWING.format('<rect ONCLICK="alert(1)"/>'),
    "html": DRAWING.format('<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>'),
    "address": DRAWING.format('<image href="https://example.org/a.png"/>'),
    "xlink": DRAWING.format('<image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="//example.org/a.png"/>'),
    "javascript": DRAWING.format('<a href="javascript:alert(1)"><text>x</text></a>'),
    "style": DRAWING.format("<style>@import url(https://example.org/a.css);</style>"),
    "fill": DRAWING.format("<rect style=\"fill: url( 'https://example.org/a' )\"/>"),
    "entities": '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
    "style sheet": '<?xml-stylesheet href="a.css"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "broken": "<svg><g></svg>",
    "page": "<html><svg/></html>",
    "text": "not an image",
}


def problem(figure: str | None, **more: str) -> Problem:
    return Problem.model_validate({"id": "p1", "text": "그림을 보고 둘레를 구하시오.", "figure": figure, **more})


@pytest.mark.parametrize(("name", "content", "kind"), [("a.png", PNG, "png"), ("b.jpeg", b"\xff\xd8\xff\xe0jpeg", "jpeg")])
def test_an_image_is_kept_with_its_words(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = read_figure(problem(name, figure_alt=" 정사각형 "), tmp_path / "pool.csv")
    assert found is not None
    assert (found.type, found.alt, base64.b64decode(found.data)) == (f"image/{kind}", "정사각형", content)
    assert found.address.startswith(f"data:image/{kind};base64,")
    assert read_figure(problem(None), tmp_path / "pool.csv") is None


def test_a_plain_drawing_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(DRAWING.format('<rect fill="url(#a)"/><style>rect { fill: url("#a") }</style>'), encoding="utf-8")
    found = read_figure(problem("a.svg"), tmp_path / "pool.csv")
    assert found is not None
    assert found.type == "image/svg+xml"


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_drawing_that_would_run_or_fetch_something_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.svg").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="figure of problem 'p1'") as raised:
        read_figure(problem("a.svg"), tmp_path / "pool.csv")
    assert raised.value.hint


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=80))
def test_whatever_a_file_holds_is_an_image_or_a_reason(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("figure") / "a.svg"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        read_figure(problem("a.svg"), path.with_name("pool.csv"))


def test_size_and_place_are_checked(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(PNG + bytes(MOST_BYTES))
    (tmp_path / "outside.png").write_bytes(PNG)
    root = tmp_path / "project"
    root.mkdir()
    for name, words in (
        ("large.png", "at most 512"),
        ("absent.png", "cannot be read"),
        (".", "cannot be read"),
        ("/etc/passwd", "not a file of the project"),
        ("https://example.org/a.png", "not a file of the project"),
        ("C:\\a.png", "not a file of the project"),
    ):
        with pytest.raises(DataError, match=words):
            read_figure(problem(name), tmp_path / "pool.csv")
    with pytest.raises(DataError, match="not a file of the project"):
        read_figure(problem("../outside.png"), root / "pool.csv", root)


def with_figure(alt: str = "한 변이 <6> cm") -> Slate:
    slate = make_slate()
    figure = Figure(type="image/png", data=base64.b64encode(PNG).decode(), alt=alt)
    return slate.model_copy(update={"figure": figure})


def test_a_record_holds_the_image_and_its_words_and_others_none() -> None:
    assert "figure" not in record_fields(make_slate(), TAXONOMY)["candidates"]
    shown = record_fields(with_figure(), TAXONOMY)["candidates"]
    assert shown["figure"] == {"image": with_figure().figure.address, "alt": "한 변이 &lt;6&gt; cm"}  # type: ignore[union-attr]  # it has one
    assert shown["source"]["figure"] == "한 변이 %3C6%3E cm"


def test_a_slate_of_an_earlier_version_reads_and_writes_as_it_was() -> None:
    text = make_slate().model_dump_json(exclude_none=True)
    assert "figure" not in text
    assert Slate.model_validate_json(text) == make_slate()
    assert Slate.model_validate_json(with_figure().model_dump_json(exclude_none=True)) == with_figure()


def test_a_sheet_names_the_image_that_lies_beside_it(tmp_path: Path) -> None:
    source = FileSource(FileConfig(), FeedbackContext(project=tmp_path, name="m-001", taxonomy=TAXONOMY, overlap=1))
    receipts = source.publish([with_figure("정사각형")])
    sheet = (tmp_path / receipts[0].url).read_text(encoding="utf-8-sig")
    assert "[그림: s-1.png] 정사각형" in sheet
    assert (tmp_path / "feedback/m-001-figures/s-1.png").read_bytes() == PNG
    assert source.publish([with_figure("정사각형")]) == receipts
    assert source.collect([with_figure("정사각형")], receipts) == []


def rows(folder: Path) -> Path:
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "q1.png").write_bytes(PNG)
    source = folder / "all.csv"
    lines = [
        f"q{i},오른쪽 그림과 같은 도형의 넓이를 구하시오. ({i}점),[2수01-01],{name}"
        for i, name in enumerate(("figures/q1.png", "none.png", ""))
    ]
    source.write_text("\n".join(["번호,문제,성취기준,그림", *lines]) + "\n", encoding="utf-8")
    return source


def test_a_check_of_data_finds_figures_that_cannot_be_shown_and_counts_those_that_no_model_sees(tmp_path: Path) -> None:
    found = check_data([Part(rows(tmp_path))], builtin_taxonomy())
    kinds = {(finding.kind, finding.line) for finding in found.findings if finding.kind.startswith("figure")}
    assert kinds == {("figure-unseen", 2), ("figure-alt", 2), ("figure-bad", 3), ("figure-missing", 4)}


def test_names_of_images_follow_a_file_into_another_folder(tmp_path: Path) -> None:
    source = rows(tmp_path / "data")
    (tmp_path / "data" / "none.png").write_bytes(PNG)
    split_file(source, tmp_path / "parts", (0.7, 0.3), 1)
    split_file(source, tmp_path / "parts", (0.7, 0.3), 1)  # the earlier split is recognized
    mask_file(source, tmp_path / "masked" / "all.jsonl")
    for file in (tmp_path / "parts" / "train.jsonl", tmp_path / "masked" / "all.jsonl"):
        for each in read_problems_of(file):
            assert each.figure is None or read_figure(each, file) is not None
    assert "../data/figures/q1.png" in (tmp_path / "masked" / "all.jsonl").read_text(encoding="utf-8")


def test_a_name_in_the_words_of_a_figure_is_masked(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(
        json.dumps({"id": "a", "text": "둘레는?", "figure": "a.png", "figure_alt": "문의 010-1234-5678"}) + "\n", encoding="utf-8"
    )
    assert mask_file(source, tmp_path / "b.jsonl")["masked"] == {"phone": 1}
    assert "1234" not in (tmp_path / "b.jsonl").read_text(encoding="utf-8")
