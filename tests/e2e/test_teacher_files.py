"""Rankings that are collected before every slate is complete and after the teachers' files are gone, with a doubtful cell among them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e.small import run
from tests.e2e.test_whole_loop import ranked, save, sheet


def test_what_was_read_is_collected_without_its_source_and_without_what_is_doubtful(trained_project: Path) -> None:
    settings = trained_project / "prefopt.toml"
    text = settings.read_text(encoding="utf-8").replace(
        "overlap = 2", "overlap = 1\nquestion = \"ranking\"\n[feedback.options]\nteachers = ['kim']"
    )
    settings.write_text(text.replace("[project]\n", '[project]\nlanguage = "en"\n'), encoding="utf-8")
    assert "no round waits for answers" in run(trained_project, "round", "--from-answers", expect=1).stderr
    run(trained_project, "round", expect=3)
    assert "no answer of round 001 was read before" in run(trained_project, "round", "--from-answers", expect=1).stderr
    rows = ranked(sheet(trained_project / "feedback/small-001"), "123", "213")
    rows[3]["none_right"] = "?"
    save(trained_project / "feedback/small-001/kim.csv", rows)
    waiting = run(trained_project, "round", expect=3).stdout
    assert "'?' is neither yes nor no; write O for yes or X for no" in waiting
    shutil.rmtree(trained_project / "feedback/small-001")
    assert "collect the 11 answers that were read on 20" in run(trained_project, "round", expect=1).stderr
    waiting = run(trained_project, "round", "--from-answers", expect=3).stdout
    assert "; to collect these: prefopt round --from-answers --collect-now" in waiting
    done = run(trained_project, "round", "--from-answers", "--collect-now").stdout
    assert "11 rankings by 1 teachers on 11 slates" in done
    assert "; from answers.jsonl, as read on 20" in done
    assert "'?' is neither yes nor no" in done
    read_at = json.loads((trained_project / "rounds/001/collect/stage.json").read_text(encoding="utf-8"))["outcome"]["from_answers"]
    assert json.loads(run(trained_project, "report", "--json").stdout)["feedback"]["collected"]["from_answers"] == read_at
    page = (trained_project / "rounds/001/report/report.html").read_text(encoding="utf-8")
    assert "those that were last read of the feedback server" in page
