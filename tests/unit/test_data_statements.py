"""Adding statements of the curriculum to a taxonomy, and the English names of the shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefopt.data.formats.curriculum_statements import read_statements, with_statements
from prefopt.errors import PrefoptError
from prefopt.taxonomy import Taxonomy, builtin_taxonomy, parse_taxonomy, read_taxonomy

PUBLIC = Path(__file__).parent / "files" / "achievement_standards.csv"
"""Twenty rows in the columns of the public file of the curriculum; the texts are placeholders."""
SMALL = parse_taxonomy("code,name,domain,levels,name_en\n[2수01-05],상황,수,A|B,Situations\n[2수01-06],덧셈,수,A|B,\n", "t.csv")


def write(folder, text):
    (folder / "s.csv").write_text(text, encoding="utf-8")
    return folder / "s.csv"


def test_statements_are_matched_by_code_in_any_spelling(tmp_path):
    path = write(tmp_path, '성취기준코드,내용\n2수01-05,상황을 안다.\n[2수01－06],"더하고, 뺀다."\n2수01-07,남는다.\n')
    assert with_statements(SMALL, path, tmp_path / "t.csv") == 1
    joined = read_taxonomy(tmp_path / "t.csv")
    assert [label.statement for label in joined] == ["상황을 안다.", "더하고, 뺀다."]
    assert [(label.name, label.groups, label.levels, label.name_en) for label in joined] == [
        (label.name, label.groups, label.levels, label.name_en) for label in SMALL
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,text\n2수01-05,가\n", "no column 'statement'"),
        ("statement\n가\n", "no column 'code'"),
        ("code,statement\n2수01-05,\n", "s.csv:2: an empty code or statement"),
        ("code,statement\n2수01-05,가\n2수01-05,나\n", r"s.csv:3: \[2수01-05\] has a different statement above"),
        ("code,statement\n2수01-05,가\n", r"1 labels have no statement in the file: \[2수01-06\]"),
        ('code,statement\n2수01-05,"가\n', "a quote that opens in cell 2 does not end"),
    ],
)
def test_faults_of_a_statements_file_are_reported_with_file_and_line(tmp_path, text, message):
    with pytest.raises(PrefoptError, match=message):
        with_statements(SMALL, write(tmp_path, text), tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=120) | st.text(alphabet='code,statement\n"2수01-5\r\x00가', max_size=60).map(str.encode))
def test_any_bytes_give_statements_or_our_error(tmp_path, content):
    for name, read in (("s.csv", read_statements), ("t.csv", read_taxonomy)):
        (tmp_path / name).write_bytes(content)
        try:
            read(tmp_path / name)
        except PrefoptError as error:
            assert str(error)  # noqa: PT017  both outcomes are right; what is not is any other exception


def test_the_columns_of_the_public_file_are_read(tmp_path):
    shipped = builtin_taxonomy()
    first = Taxonomy(shipped.labels[:20], shipped.group_names, "t.csv")
    assert with_statements(first, PUBLIC, tmp_path / "t.csv") == 0
    joined = read_taxonomy(tmp_path / "t.csv")
    assert [(label.id, label.statement[:6]) for label in joined] == [(label.id, "시험용 문장") for label in first]
    assert joined["[2수01-05]"].statement == "시험용 문장 5, 쉼표가 든 자리 표시이다."


def test_every_standard_has_an_english_name_of_its_own():
    names = [label.name_en for label in builtin_taxonomy()]
    assert len(set(names)) == 181
    assert all(name.isprintable() and name[0].isupper() and 8 <= len(name) <= 60 for name in names)
    assert builtin_taxonomy()["[9수03-15]"].name_en == "The Pythagorean theorem"


@pytest.mark.parametrize("text", ['"code', "code,name,name\n1,a,b\n2,c,d\n", "code,,name\n1,a,b\n2,c,d\n"])
def test_a_header_that_cannot_be_read_or_names_a_column_twice_is_refused(text):
    with pytest.raises(PrefoptError, match=r"t\.csv:1: "):
        parse_taxonomy(text, "t.csv")
