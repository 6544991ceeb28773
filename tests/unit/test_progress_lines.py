"""Progress in a log file: a line a minute, rarer in long work, with what is left."""

from __future__ import annotations

from prefopt.cli.progress_lines import FIRST, progress_lines


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_short_work_writes_nothing() -> None:
    clock, lines = Clock(), list[str]()
    step = progress_lines("000 train", lines.append, clock)
    for done in range(10):
        clock.now = done * FIRST / 10
        step(done, 10, "")
    assert lines == []


def test_lines_get_rarer_and_say_what_is_left() -> None:
    clock, lines = Clock(), list[str]()
    step = progress_lines("000 train", lines.append, clock)
    for minute in range(1, 121):
        clock.now = 60.0 * minute
        step(minute, 120, "")
    assert lines[0] == "000 train: 1 of 120 after 1 min, about 119 min to go"
    assert 20 < len(lines) < 60
    assert "to go" in lines[-1]


def test_what_is_left_is_that_of_the_part_in_work() -> None:
    clock, lines = Clock(), list[str]()
    step = progress_lines("001 sample", lines.append, clock)
    clock.now = 600.0
    step(0, 100, "scoring labels")
    clock.now = 720.0
    step(50, 100, "scoring labels")
    assert lines[-1] == "001 sample: scoring labels 50 of 100 after 12 min, about 2 min to go"
