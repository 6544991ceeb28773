"""A comparison of two adapters in use, from its records: what counts, what is left out, and what it says."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prefopt.deploy import comparing
from prefopt.errors import DataError, ProjectError
from prefopt.inuse.assignment import arm_of, first_shown
from prefopt.inuse.comparison import read_status, status
from prefopt.inuse.records import FILE, Adapter, SecondAnswer, Served, Started, Stopped, Word, begin, comparisons, end, read_days, running
from tests.command_line import CommandLine

START = datetime(2026, 11, 27, 9, tzinfo=UTC)
CELLS = {"A": ("1", "수"), "B": ("1", "수"), "C": ("2", "도형"), "D": ("2", "도형")}


def started(**changes: object) -> Started:
    arms = {"a": Adapter(round=3, adapter="aaa"), "b": Adapter(round=5, adapter="bbb")}
    return Started(**{"id": "c1", "at": START, **arms, "mode": "paired", "alpha": 0.05, "because": "why", **changes})


def answer(k: int, label: str, adapter: str = "aaa", **changes: object) -> Served:
    text = f"{k} + 1"
    row = {"prediction": f"p{k:05d}", "at": START + timedelta(seconds=k + 1), "text": text, "text_sha256": sha(text), "label": label}
    return Served(**{**row, "audit": True, "adapter": adapter, **changes})


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def second(k: int, label: str, adapter: str = "bbb") -> SecondAnswer:
    at = START + timedelta(seconds=k + 1)
    return SecondAnswer(prediction=f"p{k:05d}", at=at, arm="b", label=label, probability=0.5, adapter=adapter, round=5)


def word(k: int, label: str | None, later: float = 0.0, **changes: object) -> Word:
    at = START + timedelta(seconds=k + 1_000 + later)
    return Word(**{"prediction": f"p{k:05d}", "at": at, "label": label, "by": "kim", "seen": False, **changes})


def paired_records(gains: int, losses: int, neither: int = 0, same: int = 0):
    """Problems on which b alone, a alone, none or both are right; the right label is A, but D where neither is."""
    served, seconds, words = [], [], []
    kinds = ["gain"] * gains + ["loss"] * losses + ["neither"] * neither + ["same"] * same
    for k, kind in enumerate(kinds):
        served.append(answer(k, "A" if kind in ("loss", "same") else "B"))
        seconds.append(second(k, "A" if kind in ("gain", "same") else "C"))
        if kind != "same":
            words.append(word(k, "D" if kind == "neither" else "A"))
    return served, words, seconds


def test_only_where_the_two_differ_a_teacher_decides():
    found = status(started(), *paired_records(7, 4, 2, 40), CELLS)
    assert (found.problems, found.decisions, found.wins, found.losses, found.waiting) == (53, 13, 7, 4, 0)
    assert found.verdict == "cannot_tell"
    assert found.difference.value == pytest.approx(3 / 53)
    assert found.difference.low < 0 < found.difference.high
    assert found.ratio is None


def test_enough_verdicts_decide_and_the_interval_agrees():
    found = status(started(), *paired_records(16, 2, 0, 100), CELLS)
    assert found.verdict == "b"
    assert found.decided_after <= 18
    assert found.difference.low > 0
    assert found.e >= found.needed > 20
    mirrored = status(started(), *paired_records(2, 16, 0, 100), CELLS)
    assert (mirrored.verdict, mirrored.e) == ("a", found.e)


def test_what_waits_counts_as_much_as_what_was_decided():
    served, words, seconds = paired_records(20, 10, 0, 70)
    half = [row for row in words if int(row.prediction[1:]) % 2 == 0]
    found = status(started(), served, half, seconds)
    assert found.waiting == 15
    assert found.difference.value == pytest.approx((10 - 5) / 15 * 30 / 100)


def test_the_order_of_the_records_does_not_matter_and_a_replay_gives_the_same():
    served, words, seconds = paired_records(15, 6, 3, 20)
    words += [word(0, "C", later=5, by="lee"), word(3, "A", later=9, seen=True)]
    expected = status(started(), served, words, seconds, CELLS)
    assert status(started(), served, words, seconds, CELLS) == expected
    mixed = [list(rows) for rows in (served, words, seconds)]
    for seed in range(5):
        for rows in mixed:
            random.Random(seed).shuffle(rows)
        assert status(started(), *mixed, CELLS) == expected


def test_the_last_blind_word_counts():
    served, words, seconds = paired_records(1, 0)
    assert status(started(), served, [*words, word(0, "B", later=1)], seconds).losses == 1
    assert status(started(), served, [*words, word(0, None, later=1)], seconds).decisions == 1
    seen = status(started(), served, [word(0, "B", seen=True)], seconds)
    assert (seen.decisions, seen.waiting, seen.left_out) == (0, 1, {"not blind": 1})


def test_what_does_not_count_is_said():
    rows = [
        answer(0, "A"),
        answer(1, "A", text="0  +  1"),  # the text of the first one, with other spaces
        answer(2, "A", adapter="ccc"),
        answer(3, "A"),
        answer(4, "A"),
    ]
    found = status(started(), rows, [], [second(0, "A"), second(1, "A"), second(3, "B", adapter="aaa")])
    assert found.problems == 1
    assert found.left_out == {"other adapter": 1, "repeated": 1, "unpaired": 2}


def test_a_cell_in_which_b_is_worse_is_found_behind_a_gain_as_a_whole():
    served, words, seconds = paired_records(60, 2, 0, 60)
    for k in range(200, 214):
        served.append(answer(k, "C"))
        seconds.append(second(k, "A"))
        words.append(word(k, "C"))
    found = status(started(), served, words, seconds, CELLS)
    assert found.verdict == "b"
    assert [(cell.groups, cell.change) for cell in found.cells] == [(("1", "수"), "better"), (("2", "도형"), "worse")]
    assert [cell.groups for cell in found.worse_cells] == [("2", "도형")]
    with pytest.raises(ProjectError, match="worse in 2 × 도형"):
        comparing._refuse_undecided(found, "b")


def test_what_one_cell_shows_among_many_is_not_enough():
    """Seven verdicts to none say that a cell got worse where there is one cell, and not where there are twelve."""
    served, words, seconds = [], [], []
    for k in range(7):
        served.append(answer(k, "C"))
        seconds.append(second(k, "A"))
        words.append(word(k, "C"))
    for k in range(7, 18):
        served.append(answer(k, f"L{k}"))
        seconds.append(second(k, f"L{k}"))
    cells = {"C": ("worse",), **{f"L{k}": (f"other {k}",) for k in range(7, 18)}}
    alone = status(started(alpha=0.1), served, words, seconds, {"C": ("worse",)})
    among = status(started(alpha=0.1), served, words, seconds, cells)
    assert [cell.change for cell in alone.cells] == ["worse"]
    assert len(among.cells) == 12
    assert {cell.change for cell in among.cells} == {"cannot_tell"}


def split_rows(n: int, accuracy: dict[str, float], *, seed: int = 1, drop: float = 0.0, clients: int = 1, unit: str = "problem"):
    chance, begun = random.Random(seed), started(mode="split", unit=unit, per_client=20)
    served, words = [], []
    for k in range(n):
        client = f"school-{k % clients}"
        arm = arm_of(begun.id, client if unit == "client" else f"{k} + 1", 0.5)
        if arm == "b" and chance.random() < drop:
            continue
        served.append(answer(k, "A", adapter={"a": "aaa", "b": "bbb"}[arm], client=client, comparison="c1"))
        words.append(word(k, "A" if chance.random() < accuracy[arm] else "C"))
    return begun, served, words


def test_a_split_comparison_finds_what_is_much_better():
    begun, served, words = split_rows(1_200, {"a": 0.6, "b": 0.9})
    found = status(begun, served, words, (), CELLS)
    assert found.verdict == "b"
    assert found.difference.low > 0
    assert found.decisions == found.problems == 1_200
    assert found.ratio.units["a"] + found.ratio.units["b"] == 1_200
    assert not found.ratio.alarm
    assert sum(cell.problems for cell in found.cells) <= 600


def test_only_audited_answers_are_compared():
    begun, served, words = split_rows(40, {"a": 0.5, "b": 0.5})
    served = [row.model_copy(update={"audit": False}) for row in served]
    found = status(begun, served, words)
    assert (found.problems, found.left_out) == (0, {"not audited": 40})
    assert found.difference is None


def test_an_arm_that_comes_too_rarely_ends_the_comparison():
    begun, served, words = split_rows(3_000, {"a": 0.6, "b": 0.9}, drop=0.3)
    found = status(begun, served, words)
    assert found.ratio.alarm
    assert found.verdict == "wrong_arms"
    with pytest.raises(ProjectError, match="not what was drawn"):
        comparing._refuse_undecided(found, "b")


def test_arms_that_are_one_point_off_end_the_comparison():
    """Every 25th answer of b is lost on its way: 49 % of the answers are b's where 50 % were drawn."""
    chance, begun, rows = random.Random(3), started(mode="split"), []
    for k in range(70_000):
        arm = arm_of(begun.id, f"{k} + 1", 0.5)
        if arm == "a" or chance.random() > 0.04:
            text, at = f"{k} + 1", START + timedelta(seconds=k)
            more = {"client": "", "label": "A", "audit": False, "comparison": "c1", "adapter": {"a": "aaa", "b": "bbb"}[arm]}
            rows.append(Served.model_construct(prediction=f"p{k:06d}", at=at, text=text, text_sha256=text, **more))
    assert status(begun, rows[:10_000], ()).verdict == "cannot_tell"
    found = status(begun, rows, ())
    assert (found.verdict, found.ratio.alarm, found.ratio.wrong_arm) == ("wrong_arms", True, 0)


def test_the_client_that_drops_an_arm_is_named():
    begun, served, words = split_rows(3_000, {"a": 0.8, "b": 0.8}, clients=10)
    kept = [row for row in served if row.client != "school-3" or row.adapter == "aaa"]
    found = status(begun, kept, words)
    assert found.ratio.clients == ("school-3",)
    assert found.verdict == "wrong_arms"


def test_an_answer_of_the_arm_that_was_not_drawn_is_noticed():
    begun, served, words = split_rows(50, {"a": 0.8, "b": 0.8})
    assert status(begun, served, words).ratio.wrong_arm == 0
    served[7] = served[7].model_copy(update={"adapter": "bbb" if served[7].adapter == "aaa" else "aaa"})
    assert status(begun, served, words).ratio.wrong_arm == 1
    without_texts = [row.model_copy(update={"text": None}) for row in served]  # serve.keep_texts = false: nothing to draw from
    assert status(begun, without_texts, words).ratio.wrong_arm == 0


def test_answers_given_while_the_other_adapter_was_loading_are_not_drawn():
    begun, served, words = split_rows(600, {"a": 0.8, "b": 0.8})
    early = [row.model_copy(update={"adapter": "aaa", "comparison": None}) for row in served[:30]]
    marked = status(begun, [*early, *served[30:]], words)
    assert (marked.ratio.wrong_arm, marked.left_out, marked.problems) == (0, {"outside": 30}, 570)
    unmarked = [row.model_copy(update={"comparison": None}) for row in (*early, *served[30:])]
    found = status(begun, unmarked, words)
    assert found.ratio.wrong_arm == 0
    assert 30 < found.left_out["outside"] < 50
    assert found.problems + found.left_out["outside"] == 600
    only_a = status(begun, [row for row in unmarked if row.adapter == "aaa"], words)
    assert only_a.problems == 0


def test_clients_count_once_however_much_they_ask():
    begun, served, words = split_rows(1_000, {"a": 0.5, "b": 1.0}, clients=40, unit="client")
    found = status(begun, served, words)
    assert found.clients == 40
    assert found.ratio.units["a"] + found.ratio.units["b"] == 40
    assert found.verdict == "b"
    assert found.difference.low > 0
    few = status(begun, served[:399], words)
    assert few.clients == 0
    assert few.verdict == "cannot_tell"
    nobody = [row.model_copy(update={"client": ""}) for row in served]
    assert status(begun, nobody, words).left_out == {"no client": 1_000}
    assert status(begun, nobody, words).problems == 0


def test_the_two_labels_are_shown_in_an_order_drawn_by_hash():
    from prefopt.inuse.evidence import paired_evidence

    served, _, seconds = paired_records(40, 0)
    waiting = paired_evidence(started(), served, seconds, []).waiting
    assert {row.labels for row in waiting} == {("A", "B"), ("B", "A")}
    for row in waiting:
        assert row.labels == (("B", "A") if first_shown("c1", row.prediction) == "a" else ("A", "B"))


def write(folder: Path, name: str, rows) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")


def test_the_state_comes_from_the_files_and_a_line_being_written_is_left_out(tmp_path):
    served, words, seconds = paired_records(16, 2, 0, 10)
    write(tmp_path, "predictions-20261127.jsonl", served)
    write(tmp_path, "corrections-20261127.jsonl", words)
    write(tmp_path, "second-20261127.jsonl", seconds)
    write(tmp_path, "predictions-20261126.jsonl", [answer(900, "A", at=START - timedelta(days=1))])
    expected = status(started(), served, words, seconds, CELLS)
    assert read_status(tmp_path, started(), CELLS) == expected
    with (tmp_path / "predictions-20261127.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"prediction":"p9')
    assert read_status(tmp_path, started(), CELLS) == expected
    early = read_status(tmp_path, started(), CELLS, until=START + timedelta(seconds=10))
    assert early.decisions == 0


def test_keys_that_only_the_service_reads_are_no_fault(tmp_path):
    row = {**json.loads(answer(0, "A").model_dump_json()), "confidence": 0.9, "set": ["A"], "arm": "a"}
    (tmp_path / "predictions-20261127.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert [found.label for found in read_days(tmp_path, Served, START)] == ["A"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{}", "missing"),
        ("[1]", "no JSON object"),
        ('{"prediction":"p","prediction":"q"}', "occurs twice"),
        ("nonsense", "not JSON"),
        (answer(0, "A").model_dump_json().replace('"audit":true', '"audit":"perhaps"'), "audit"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, words):
    (tmp_path / "predictions-20261127.jsonl").write_text(answer(0, "A").model_dump_json() + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"predictions-20261127.jsonl:2: .*{words}"):
        read_days(tmp_path, Served, START)


def stopped(**changes: object) -> Stopped:
    return Stopped(**{"id": "c1", "at": START, "promote": None, "verdict": "cannot_tell", "because": "enough", **changes})


def test_one_comparison_runs_at_a_time_and_its_end_is_kept(tmp_path):
    folder = tmp_path / "serve"
    assert running(folder) is None
    begin(folder, started())
    assert running(folder) == started()
    with pytest.raises(ProjectError, match="are being compared since") as caught:
        begin(folder, started(id="c2"))
    assert "prefopt ab stop" in caught.value.hint
    with pytest.raises(ProjectError, match="stopped already"):
        end(folder, stopped(id="c2"))
    end(folder, stopped())
    with pytest.raises(ProjectError, match="stopped already"):
        end(folder, stopped())
    begin(folder, started(id="c2"))
    assert comparisons(folder) == [(started(), stopped()), (started(id="c2"), None)]
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


def test_an_edit_of_a_comparison_is_noticed_and_an_unfinished_line_is_not_one(tmp_path):
    begin(tmp_path, started())
    path = tmp_path / FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"what":"stop')
    assert running(tmp_path) == started()
    end(tmp_path, stopped())
    assert running(tmp_path) is None
    path.write_bytes(whole.replace(b'"alpha":0.05', b'"alpha":0.5'))
    with pytest.raises(DataError, match=f"{FILE}:1: has been changed"):
        running(tmp_path)
    path.write_bytes(whole + whole)
    with pytest.raises(DataError, match=f"{FILE}:2: .*does not follow"):
        running(tmp_path)


@pytest.fixture
def command_line(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_the_plan_is_printed_outside_of_a_project(command_line):
    found = json.loads(command_line("ab", "plan", "--gain", "0.1", "--differ", "0.2", "--json"))
    assert [need["mode"] for need in found["needs"]] == ["paired", "split", "split by client"]
    assert found["needs"][0]["decisions"] < found["needs"][0]["problems"] < found["needs"][1]["problems"]
    assert "paired" in command_line("ab", "plan", "--gain", "0.1", "--differ", "0.2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gain", "0.2"), "at most the share that differs"),
        (("--gain", "0"), "above 0"),
        (("--accuracy", "0.99"), r"in \(0, 1\)"),
        (("--alpha", "0"), "alpha"),
        (("--icc", "1"), "correlation"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(command_line, capsys, options, words):
    import re

    shown = command_line("ab", "plan", *options, code=1)
    assert re.search(words, shown + capsys.readouterr().err)
