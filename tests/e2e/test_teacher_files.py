"""Rankings that are collected before every slate is complete, with a doubtful cell among them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.small import run
from tests.e2e.test_whole_loop import ranked, save, sheet


def test_collect_now_goes_on_without_what_is_doubtful_and_says_so(trained_project: Path) -> None:
    settings = trained_project / "prefopt.toml"
    text = settings.read_text(encoding="utf-8").replace("overlap = 2", "overlap = 1\n[feedback.options]\nteachers = ['kim']")
    settings.write_text(text.replace("[project]\n", '[project]\nlanguage = "en"\n'), encoding="utf-8")
    run(trained_project, "round", expect=3)
    rows = ranked(sheet(trained_project / "feedback/small-001"), "123", "213")
    rows[3]["none_right"] = "?"
    save(trained_project / "feedback/small-001/kim.csv", rows)
    waiting = run(trained_project, "round", expect=3).stdout
    assert "'?' is neither yes nor no; write O for yes or X for no" in waiting
    done = run(trained_project, "round", "--collect-now").stdout
    assert "11 rankings by 1 teachers on 11 slates" in done
    assert "'?' is neither yes nor no" in done
