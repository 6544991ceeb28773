"""The page of findings: one place for each kind and file, a way on for every kind, whole Korean, and findings that people accepted."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from prefopt.data.checks.accepted import accept, groups_of, read_accepted, set_aside
from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Checked, Part
from prefopt.data.checks.finding_details import TEMPLATES, detail_of_fault, detail_of_value, with_label_word
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.checks.finding_ways import NEVER_ACCEPTED, WAYS, may_be_accepted, way_on
from prefopt.data.checks.findings_page import as_json, page
from prefopt.errors import ConfigError
from prefopt.io.row import Fault, Note
from prefopt.readers.workbook_findings import WORDS, fault
from prefopt.taxonomy import builtin_taxonomy, parse_taxonomy
from tests.command_line import CommandLine
from tests.unit.test_data_check_faults import CHANGES, ROWS, TAXONOMY, check, rows
from tests.unit.test_data_check_faults import files as files

ROOT = Path(__file__).resolve().parents[2]
_SENTENCE = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+)* [A-Za-z]{2,}")
_COMMAND = re.compile(r"`[^`]*`|‘[^’]*’")


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def write(path: Path, content: list) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in content), encoding="utf-8")
    return path


def checked(path: Path, taxonomy=TAXONOMY) -> Checked:
    return check_data([Part(path, "gold", True)], taxonomy)


def marked(row: dict, **changes: str) -> dict:
    return {**row, "text": row["text"] + " [가/나]", **changes}


# Korean


def has_english_sentence(text: str) -> bool:
    """Whether words of English stand beside each other; values in quotes, names of keys, files and programs may."""
    return _SENTENCE.search(re.sub(r"'[^']*'|\"[^\"]*\"|paraphrase, back-translation, reason", "", _COMMAND.sub("", text))) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_whole_words_and_a_way_on_in_both_languages(kind):
    found = KINDS[kind]
    english, korean = (way_on(kind, language, Path("my gold.csv")) for language in ("en", "ko"))
    assert not re.search("[가-힣]", re.sub(r"\[[^\]]*\]|`[^`]*`|“[^”]*”|\"[^\"]*\"|'[^']*'", "", f"{found.en} {english}"))
    for text in (found.ko, korean):
        assert re.search("[가-힣]", text)
        assert not has_english_sentence(text), text
    assert "{" not in korean.replace('{"id"', "")
    if "prefopt" in korean:
        words = shlex.split(re.search(r"`(prefopt[^`]*)`", korean)[1])
        assert any(word.endswith("my gold.csv") for word in words), words


def test_every_kind_has_a_way_on_of_its_own():
    """Give it as third and fourth argument of the kind in finding_kinds.KINDS."""
    assert [kind for kind, found in KINDS.items() if found.way is None and kind not in WAYS] == []
    assert set(WAYS) <= set(KINDS)
    assert set(KINDS) >= NEVER_ACCEPTED


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_have_no_english_in_korean(name):
    assert not has_english_sentence(re.sub(r"\{[^}]*\}", "'…'", TEMPLATES[name][1]))


def faults_of_the_source() -> list[Fault]:
    """A fault of every kind that a reader makes, without its values, and with as many as the source gives."""
    made: list[Fault] = []
    for path in sorted((ROOT / "prefopt" / "readers").rglob("*.py")) + sorted((ROOT / "prefopt" / "io").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("Fault", "Note") or len(node.args) < 3:
                continue
            if isinstance(node.args[1], ast.Constant):
                made.append(Fault(1, node.args[1].value, "an English sentence of a reader"))
                if len(node.args) > 3 and isinstance(node.args[3], ast.Tuple):
                    made.append(Fault(1, node.args[1].value, "an English sentence", tuple(range(3, 3 + len(node.args[3].elts)))))
    for kind, words in WORDS.items():  # of workbooks
        made.append(fault(kind, 1, *range(3, 3 + len(set(re.findall(r"\{(\d)", words))))))
    return made


def test_every_fault_of_a_reader_has_a_korean_wording():
    made = faults_of_the_source()
    assert len({one.kind for one in made}) >= 30
    for one in made:
        found = detail_of_fault(one)
        assert found.en == one.detail
        assert "English" not in found.ko, one
        assert re.search("[가-힣]", found.ko), one


def test_a_fault_of_a_kind_without_wording_is_named_by_its_kind():
    assert detail_of_fault(Note(1, "picture", "a picture over the cell")).ko == KINDS["picture"].ko
    assert detail_of_fault(Fault(1, "ragged-row", "other values", ("x",))).ko == "칸 수가 열 수와 다름"


@pytest.mark.parametrize("name", [*CHANGES, *ROWS])
def test_no_detail_of_the_korean_page_is_english(tmp_path, files, name):
    if name in CHANGES:
        files["gold"][2] = CHANGES[name][1](files["gold"][2])
    else:
        files[ROWS[name][1]].append(ROWS[name][2](files))
    for finding in check(tmp_path, files).findings:
        shown = re.sub(r"= .*: ", "", finding.detail.ko, flags=re.S) if finding.kind in NEVER_ACCEPTED else finding.detail.ko
        assert not has_english_sentence(shown), finding


def test_every_value_that_pydantic_refuses_has_a_korean_wording():
    for kind in ("string_type", "int_parsing", "tuple_type", "something_new", "value_error"):
        found = detail_of_value("text", "7", {"type": kind, "msg": "Input should be {odd}", "ctx": {}})
        assert re.fullmatch(r"text = 7: [가-힣 ]+", found.ko)


def test_a_label_is_called_by_a_neutral_word_without_curriculum_codes(tmp_path):
    path = write(tmp_path / "g.jsonl", [{"id": "a", "text": "사과가 3개 있습니다. 모두 몇 개입니까?", "label": "x"}])
    own = parse_taxonomy("code,name\ncompare,비교\njoin,합\n", "types.csv")
    for taxonomy in (own, None):
        shown = page(checked(path, taxonomy), "ko")
        assert "성취기준" not in shown
        assert "레이블이 있는 문항 1개" in shown
    assert "성취기준이 있는 문항 1개" in page(checked(path), "ko")
    assert (
        with_label_word("성취기준을 쓰고 성취기준과 성취기준으로 성취기준마다 성취기준입니다", "분류")
        == "분류를 쓰고 분류와 분류로 분류마다 분류입니다"
    )


# groups


def test_three_thousand_lines_with_one_fault_are_one_finding(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes("".join(f'"id": "p{i}", "text": "더하기 {i}"\n' for i in range(3001)).encode())
    found = checked(path)
    assert len(found.findings) == 3001
    (group,) = groups_of(found.findings)
    for language, count in (("ko", "고쳐야 할 것 3,001건, 살펴볼 것 0건"), ("en", "3,001 errors to fix, 0 warnings")):
        shown = page(found, language)
        assert count in shown
        assert shown.count("gold.jsonl:") == 3
        assert page(found, language, everything=True).count("gold.jsonl:") == 3001
    assert as_json(found)["groups"][0]["count"] == 3001
    assert not group.may_be_accepted


def test_the_page_offers_to_accept_only_what_may_be_accepted(tmp_path, files):
    files["gold"] += [{**r, "id": f"d{i}"} for i, r in enumerate(files["gold"][:5])] + [files["holdout"][0]]
    files["pool"][0]["text"] += " [가/나]"
    found = check(tmp_path, files)
    shown = page(found, "ko")
    kinds = len({f.kind for f in found.findings})
    assert f"고쳐야 할 것 {found.errors}건({kinds}가지), 살펴볼 것 0건이 있습니다." in shown
    assert f"{found.errors} errors to fix ({kinds} kinds), 0 warnings to review." in page(found, "en")
    found.findings = [f for f in found.findings if f.kind == "template-mark"]
    assert "1 error to fix, 0 warnings to review." in page(found, "en")
    found = check(tmp_path, files)
    for group in groups_of(found.findings):
        assert f"[{group.kind}]" in shown
        assert (f"--accept {group.id}" in shown) == group.may_be_accepted
    assert shown.count("그 밖에 2건 (--all로 모두 봅니다)") == 1


def test_ids_stay_when_other_rows_change_and_follow_their_own(tmp_path):
    base = rows(4, 1)
    gold = [marked(base[0]), *base[1:]]

    def id_of(content: list) -> str:
        (group,) = [g for g in groups_of(checked(write(tmp_path / "gold.jsonl", content)).findings) if g.kind == "template-mark"]
        return group.id

    first = id_of(gold)
    assert re.fullmatch(r"template-mark-[0-9a-f]{6}", first)
    assert id_of(gold[:-3]) == first
    assert id_of([*gold[1:], gold[0]]) == first  # another line
    assert id_of([{**r, "reason": "받아올림이 없는 두 자리 수의 덧셈이다."} if r is gold[5] else r for r in gold]) == first
    assert id_of([marked(gold[0]), *gold[1:]]) != first
    assert id_of([gold[0], marked(gold[1]), *gold[2:]]) != first  # another case
    assert id_of([{**gold[0], "label": "[2수01-07]"}, *gold[1:]]) != first


# accepting


def test_accepted_findings_are_counted_and_come_back_when_their_rows_change(tmp_path):
    base, record = rows(4, 1), tmp_path / "accepted.toml"
    path = write(tmp_path / "gold.jsonl", [marked(base[0]), marked(base[1]), *base[2:]])
    found = checked(path)
    (group,) = groups_of(found.findings)
    assert found.errors == 2
    accept(found, [group.id], "보기의 일부", record)
    assert (found.errors, found.findings, len(found.accepted)) == (0, [], 2)
    (kept,) = tomllib.loads(record.read_text(encoding="utf-8"))["accepted"]
    assert (kept["id"], kept["kind"], kept["file"], kept["because"]) == (group.id, "template-mark", "gold.jsonl", "보기의 일부")
    assert kept["by"]
    assert kept["on"]

    def again(content: list) -> Checked:
        later = checked(write(path, content))
        set_aside(later, read_accepted(record))
        return later

    moved = again([base[5], marked(base[1]), marked(base[0]), *base[2:5], *base[6:]])
    assert (moved.findings, len(moved.accepted), moved.outdated) == ([], 2, [])
    more = again([marked(base[0]), marked(base[1]), marked(base[2]), *base[3:]])
    assert ([f.line for f in more.findings], len(more.accepted), more.errors) == ([3], 2, 1)
    changed = again([marked(marked(base[0])), marked(base[1]), *base[2:]])
    assert ([f.line for f in changed.findings], len(changed.accepted)) == ([1], 1)
    settled = again(base)
    assert [a.id for a in settled.outdated] == [group.id]
    assert f"{group.id}(gold.jsonl" in page(settled, "ko", record=record)
    assert f"no longer found: {group.id} (gold.jsonl" in page(settled, "en", record=record)
    other = checked(write(tmp_path / "other.jsonl", base))
    set_aside(other, read_accepted(record))
    assert other.outdated == []  # its file was not checked


def test_another_spelling_of_a_row_is_the_same_row(tmp_path):
    import unicodedata

    base, record = rows(4, 1), tmp_path / "accepted.toml"
    path = write(tmp_path / "gold.jsonl", [marked(base[0]), *base[1:]])
    found = checked(path)
    accept(found, [groups_of(found.findings)[0].id], "", record)
    path.write_text(unicodedata.normalize("NFD", path.read_text(encoding="utf-8")), encoding="utf-8")
    later = checked(path)
    set_aside(later, read_accepted(record))
    assert {f.kind for f in later.findings} <= {"decomposed", "label-spelling"}


def test_what_makes_a_number_wrong_cannot_be_accepted(tmp_path):
    base, record = rows(4, 1), tmp_path / "accepted.toml"
    path = write(
        tmp_path / "gold.jsonl", [marked(base[0]), {**base[1], "id": base[2]["id"]}, {**base[3], "label": "[2수01-50]"}, *base[2:]]
    )
    path.write_bytes(path.read_bytes() + b"{\n")
    found = checked(path)
    mine = next(g.id for g in groups_of(found.findings) if g.kind == "template-mark")
    for kind in ("id-repeated", "label-unknown", "not-json"):
        other = next(g for g in groups_of(found.findings) if g.kind == kind)
        with pytest.raises(ConfigError, match="cannot be accepted") as caught:
            accept(found, [mine, other.id], "", record)
        assert other.way_on("en") in str(caught.value)
        assert not record.exists()
    record.write_text(
        f'[[accepted]]\nid = "x"\nkind = "not-json"\nfile = "gold.jsonl"\nby = "a"\non = 2026-01-01\nrows = ["{found.findings[-1].row}"]\n',
        encoding="utf-8",
    )
    errors = found.errors
    set_aside(found, read_accepted(record))  # written by hand
    assert found.errors == errors


@pytest.mark.parametrize(
    "kind",
    ["leak", "leak-id", "leak-family", "leak-near-held", "id-repeated", "not-json", "not-utf8", "resident-number", "phone", "email",
     "card-number", "label-unknown", "holdout-variant", "audit-used"],
)  # fmt: skip
def test_kinds_that_only_the_data_can_settle(kind):
    assert not may_be_accepted(kind)


@pytest.mark.parametrize("kind", ["near-duplicate", "template-mark", "mojibake", "picture", "imbalance", "person-name", "label-statement"])
def test_kinds_that_may_be_right_as_they_are(kind):
    assert may_be_accepted(kind)


@pytest.mark.parametrize(
    ("text", "message"),
    [("[[accepted]\n", "not TOML"), ('[[accepted]]\nid = "a"\n', "kind"), ("[[acepted]]\n", "acepted"), ("\x00", "not TOML")],
)
def test_a_broken_record_is_named(tmp_path, text, message):
    path = tmp_path / "accepted.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        read_accepted(path)
    assert str(path) in str(caught.value)


# the command


def test_the_whole_way_on_the_command_line(tmp_path, prefopt):
    base = rows(4, 1)
    write(tmp_path / "gold.jsonl", [marked(base[0]), marked(base[1]), *base[2:]])
    shown = prefopt("data", "check", "gold.jsonl", code=1)
    (words,) = set(re.findall(r"--accept (\S+)", shown))
    assert "[template-mark]" in shown
    after = prefopt("data", "check", "gold.jsonl", "--accept", words, "--because", "보기의 일부")
    assert "받아들인 것 2건" in after
    assert "고칠 것이 없습니다" in after
    found = json.loads(prefopt("data", "check", "gold.jsonl", "--json"))
    assert (found["errors"], len(found["accepted"]), found["groups"]) == (0, 2, [])
    assert prefopt("data", "check", "gold.jsonl", "--page", "en").splitlines()[2] == "2 accepted findings are not listed (accepted.toml)."
    assert (tmp_path / "accepted.toml").read_text(encoding="utf-8").startswith("# Findings of `prefopt data check`")
    assert "--accepted other.toml: no such file" in prefopt("data", "check", "gold.jsonl", "--accepted", "other.toml", code=1)
    write(tmp_path / "gold.jsonl", [marked(base[0]), marked(base[1]), marked(base[2]), *base[3:]])
    more = json.loads(prefopt("data", "check", "gold.jsonl", "--json", code=1))
    assert (more["errors"], more["findings"][0]["line"], more["findings"][0]["id"]) == (1, 3, more["groups"][0]["id"])
    prefopt("data", "check", "gold.jsonl", "--accept", more["groups"][0]["id"])  # a second entry beside the first
    assert len(tomllib.loads((tmp_path / "accepted.toml").read_text(encoding="utf-8"))["accepted"]) == 2


def test_options_that_accept_nothing_are_refused(tmp_path, prefopt):
    write(tmp_path / "gold.jsonl", [marked(rows(4, 1)[0]), *rows(4, 1)[1:]])
    assert "--because without --accept" in prefopt("data", "check", "gold.jsonl", "--because", "x", code=1)
    message = prefopt("data", "check", "gold.jsonl", "--accept", "template-mark-000000", code=1)
    hint = re.search(r"→ (--accept \S+)", message)[1]
    prefopt("data", "check", "gold.jsonl", *hint.split())


def test_the_record_of_a_project_is_in_its_data_folder(tmp_path, prefopt):
    prefopt("init", "mine")
    folder = tmp_path / "mine"
    gold = folder / "data" / "gold.jsonl"
    base = rows(12, 1)
    write(gold, [marked(base[0]), *base[1:]])
    write(folder / "data" / "pool.jsonl", rows(2, 3, labeled=False))
    shown = prefopt("data", "check", folder=folder, code=1)
    name = re.search(r"--accept (template-mark-\w+)", shown)[1]
    prefopt("data", "check", "--accept", name, "--because", "보기", folder=folder)
    assert read_accepted(folder / "data" / "accepted.toml")[0].id == name


def test_label_words_follow_the_curriculum():
    from prefopt.data.checks.check_files import label_word

    assert label_word(builtin_taxonomy("ko_math_2022_high")) == "성취기준"
    assert label_word(parse_taxonomy("code,name\n[9사(역사)01-01],역사\n[9사(역사)01-02],사료\n", "t.csv")) == "성취기준"
    assert label_word(parse_taxonomy("code,name\nA-1,a\nA-2,b\n", "t.csv")) == label_word(None) == "레이블"


def test_the_commands_of_a_way_on_can_be_typed(tmp_path, prefopt):
    base = rows(4, 1)
    write(tmp_path / "my gold.jsonl", [{**base[0], "text": base[0]["text"] + " 010-1234-5678"}, {**base[1], "answer": "3"}, *base[2:]])
    shown = prefopt("data", "check", "my gold.jsonl", code=1)
    commands = [shlex.split(line)[1:] for line in re.findall(r"`(prefopt [^`]*)`", shown)]
    check_again, mask = sorted(commands)
    assert (check_again[:2], mask[:2]) == (["data", "check"], ["data", "mask"])
    again = prefopt(*[word.replace("열이름", "answer") for word in check_again], code=1)
    assert "[key-unknown]" not in again
    write(tmp_path / "my gold.jsonl", [{**base[0], "text": base[0]["text"] + " 010-1234-5678"}, *base[1:]])
    prefopt(*mask)
    assert "[phone]" not in prefopt("data", "check", mask[-1])
