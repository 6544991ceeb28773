"""What happens in use, as it is typed: two adapters compared, an audit that stops acceptance, teachers' words in the next round."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
from pathlib import Path

import pytest

from prefopt.calibration.posteriors import read_posteriors
from prefopt.inuse.assignment import arm_of
from prefopt.inuse.records import SecondAnswer
from prefopt.io.jsonl import read_rows
from prefopt.project.project import load_data, open_project
from prefopt.records import Problem
from prefopt.serve.journal import read_predictions
from tests.e2e.serving import Clients, Serving, serving, until
from tests.e2e.small import run, simulate

AGREED = 0.75
"""So that an adapter that is right on every second problem has answers to accept."""


@pytest.fixture(scope="module")
def compared(_asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Round 000 in use, round 001 held, and round 002 with the adapter of 001, judged for another agreed error."""
    folder = Path(shutil.copytree(_asked, tmp_path_factory.mktemp("compared") / "small", symlinks=True))
    simulate(folder, 1)
    run(folder, "round")
    settings = folder / "prefopt.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("bootstrap = 200", f"bootstrap = 200\nagreed_error = {AGREED}") + "\n[serve]\naudit_share = 0.5\n"
    settings.write_text(text, encoding="utf-8")
    run(folder, "round", "branch", "1", "--at", "calibrate")
    run(folder, "round")
    run(folder, "round", "decide", "0", "--promote", "--because", "the first one")
    return folder


@pytest.fixture
def project(compared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compared, tmp_path / "small", symlinks=True))


@pytest.fixture
def problems(compared: Path) -> list[tuple[str, str]]:
    return [(p.id, p.text) for p in read_rows(compared / "data" / "pool.jsonl", Problem)]


def queue(server: Serving) -> list[dict[str, str]]:
    """What teachers should look at."""
    return list(csv.DictReader(io.StringIO(server.client.get("/queue.csv").text.removeprefix("\ufeff"))))


def say(server: Serving, prediction: str, label: str | None, by: str = "kim") -> dict[str, object]:
    reply = server.client.post("/v1/corrections", json={"prediction": prediction, "label": label, "by": by})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def test_a_comparison_survives_a_kill_and_its_promotion_cites_it(project, problems):
    started = json.loads(
        run(project, "ab", "start", "--a", "0", "--b", "1", "--mode", "split", "--because", "first by halves", "--json").stdout
    )
    found = Serving(project)
    until(lambda: "rounds 000 and 001 are compared, split" in found.said(), found.said)
    rows = found.classify(problems).json()["predictions"]
    assert [row["arm"] for row in rows] == [arm_of(started["id"], text, 0.5) for _, text in problems]
    assert {(row["arm"], row["round"]) for row in rows} == {("a", 0), ("b", 1)}
    assert found.end(signal.SIGKILL) == -9

    with serving(project) as found:
        early = found.classify([(f"early-{name}", f"먼저: {text}") for name, text in problems[:6]]).json()["predictions"]
        until(lambda: "are compared" in found.said(), found.said)
        again = found.classify(problems).json()["predictions"]
        assert [row["arm"] for row in again] == [row["arm"] for row in rows]
        assert {row["round"] for row in early} <= {0, 1}
        status = json.loads(run(project, "ab", "status", "--json").stdout)
        assert (status["verdict"], status["ratio"]["wrong_arm"]) == ("cannot_tell", 0)
        assert sum(status["ratio"]["units"].values()) + status["left_out"].get("outside", 0) == len(problems) + 6
        run(project, "ab", "stop", "--because", "paired tells more")

        run(project, "ab", "start", "--a", "0", "--b", "1", "--because", "is it better in use?")
        until(lambda: "are compared, paired" in found.said(), found.said)
        found.classify(problems)
        second = {row.prediction: row.label for path in (project / "serve").glob("second-*") for row in read_rows(path, SecondAnswer)}
        own = {row.prediction: row for row in read_predictions(project / "serve")}
        differ = [row for row in queue(found) if row["prediction"] in second and second[row["prediction"]] != own[row["prediction"]].label]
        shown = [row for row in differ if row["why"] == "compare"]
        assert shown
        for row in shown:
            assert set(row["label"].split(" | ")) == {second[row["prediction"]], own[row["prediction"]].label}
            assert all(row["name"].split(" | "))
        for row in differ:
            assert say(found, row["prediction"], second[row["prediction"]])["seen"] is False
        assert "1 is better" not in run(project, "ab", "status").stdout
        clients = Clients(found, problems, 2)
        ended = run(project, "ab", "stop", "--promote", "b", "--because", "교실에서 더 자주 맞혔다").stdout
        assert "b is better: round 001" in ended
        until(lambda: found.client.get("/readyz").json().get("round") == 1, found.said)
        until(lambda: clients.replies[-1].json()["predictions"][0]["round"] == 1, found.said)
        clients.stop()
        assert {reply.status_code for reply in clients.replies} == {200}
    assert "on comparison" in run(project, "round", "show", "1").stdout
    report = (project / "rounds/001/report/report.html").read_text(encoding="utf-8")
    assert "쓰는 동안의 비교를 보고 사람이 결정했습니다" in report
    assert "교실에서 더 자주 맞혔다" in report


def test_an_audit_stops_acceptance_until_a_person_lifts_it(project, problems):
    run(project, "round", "decide", "2", "--promote", "--because", "answers are accepted")
    with serving(project) as found:
        for turn in range(3):
            found.classify([(f"{turn}-{name}", text) for name, text in problems])
        rows = {row.prediction: row for row in read_predictions(project / "serve")}
        assert "accept" in {row.decision for row in rows.values()}
        audited = [row for row in queue(found) if row["why"] == "audit"]
        assert {(row["label"], row["name"], row["confidence"], row["set"]) for row in audited} == {("", "", "", "")}
        assert {row["prediction"] for row in audited} == {name for name, row in rows.items() if row.audit}
        count = 0
        for row in audited:
            if rows[row["prediction"]].confident and found.client.get("/readyz").json()["accepting"]:
                say(found, row["prediction"], None)
                count += 1
        assert found.client.get("/readyz").json()["accepting"] is False
        assert 5 < count < 40
        assert {row["decision"] for row in found.classify(problems).json()["predictions"]} == {"review"}
        assert "prefopt_accepting 0.0" in found.client.get("/metrics").text
        until(lambda: "more of its accepted answers are wrong than was agreed" in found.said(), found.said)
    with serving(project) as found:  # started again: the same
        assert found.client.get("/readyz").json()["accepting"] is False
        assert "지금은 모든 답을 사람이 검토합니다" in report_of(project)
        assert "are accepted again" in run(project, "serve", "accept", "--because", "the scans were unreadable").stdout
        until(lambda: found.client.get("/readyz").json()["accepting"], found.said)
        assert "accept" in {row["decision"] for row in found.classify(problems).json()["predictions"]}
    assert "no alarm" in run(project, "serve", "accept", "--because", "once more", expect=1).stderr


def report_of(project: Path) -> str:
    return Path(json.loads(run(project, "serve", "report", "--json").stdout)["out"]).read_text(encoding="utf-8")


THINGS = ["사과", "연필", "구슬", "의자", "우산", "단추", "냄비", "모자", "접시", "가방", "시계", "거울", "망치", "바늘", "장갑", "양말"]
VERBS = ["세어", "나누어", "빌려", "모아", "묶어", "쌓아", "옮겨", "담아", "잘라", "붙여", "빼서", "더해", "고르고", "재어", "접어", "펼쳐"]


def test_what_teachers_saw_trains_in_the_next_round_and_never_judges(trained_project):
    """Problems from use, followed from the answer through a correction and `serve collect` into training and judgment of round 001."""
    project = trained_project
    run(project, "round", "decide", "0", "--promote", "--because", "the only one")
    settings = project / "prefopt.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("rehearse_examples = 0", "rehearse_examples = 1.0", 1) + "\n[serve]\naudit_share = 0.5\n"
    settings.write_text(text, encoding="utf-8")
    asked = [(f"q{i}", f"{thing} {i * 37 + 11}개를 {VERBS[i]} 보는 {THINGS[-1 - i]} 이야기") for i, thing in enumerate(THINGS)]
    with serving(project) as found:
        rows = {row["id"]: row for row in found.classify(asked, client="school-17").json()["predictions"]}
        for i, (name, _) in enumerate(asked):
            label = ("[2수01-06]", "[2수03-07]")[i % 2]
            assert say(found, rows[name]["prediction"], label)["seen"] is not rows[name]["audit"]
        assert queue(found) == []
        said = json.loads(run(project, "serve", "collect", "--json").stdout)
    blind = {text for name, text in asked if rows[name]["audit"]}
    assert (said["labeled"], said["blind"]) == (len(asked) - sum(said["left_out"].values()), len(blind) - said["left_out"].get("kin", 0))
    gold = {p.text: p for p in read_rows(project / "data" / "gold.jsonl", Problem)}
    seen = {gold[text].id for _, text in asked if text in gold and gold[text].served == "seen"}
    assert seen
    assert {gold[text].served for text in blind if text in gold} <= {"blind"}

    run(project, "round", "--recipe", "dpo", expect=3)
    simulate(project, 1)
    run(project, "round")
    data = load_data(project, open_project(project).round(1).config, with_pool=False)
    assert seen <= {p.id for p in data.train}
    judged = set(read_posteriors(project / "rounds/001/calibrate/posteriors.parquet").problem_ids)
    assert judged
    assert not judged & seen
    trained = json.loads((project / "rounds/001/train/stage.json").read_text(encoding="utf-8"))["outcome"]["metrics"]
    assert trained["rehearsed/examples"] == len(data.train)  # all of them
