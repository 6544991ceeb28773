"""Simulated teachers answer a published round through the same doors as people."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.file import FileConfig, FileSource
from feedback.simulated import Simulation, simulate_teachers
from prefopt.cli.app import app
from prefopt.errors import DataError, FeedbackError, ProjectError
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.project.truth import read_truth
from prefopt.protocols import FeedbackContext, FeedbackSource, Question
from prefopt.records import Ranking, Receipt, Slate
from prefopt.rounds.artifacts import RECEIPTS, SLATES
from prefopt.rounds.teachers import last_published, published, published_slates
from prefopt.taxonomy import read_taxonomy
from tests.contract.desks import TAXONOMY, confident_slates, make_slates
from tests.stages import finish_stage


def publish_round(
    folder: Path, number: int, source: str, overlap: int | str, slates: list[Slate], question: Question = "ranking"
) -> tuple[FeedbackSource, list[Receipt]]:
    """A project whose round has reached the stage publish, as the round's own stages leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "taxonomy.csv").write_text(TAXONOMY, encoding="utf-8")
    (folder / "prefopt.toml").write_text(
        f'[feedback]\nsource = "{source}"\noverlap = {json.dumps(overlap)}\nquestion = "{question}"\n', encoding="utf-8"
    )
    rnd = freeze_round(open_project(folder), number, {"recipe": "dpo", "parent": 0})
    context = FeedbackContext(
        project=folder,
        name=f"{source}-{number:03d}",
        taxonomy=read_taxonomy(folder / "taxonomy.csv"),
        overlap=overlap if isinstance(overlap, int) else 1,
        asks_more=overlap == "adaptive",
        question=question,
    )
    made = ArgillaSource(ArgillaConfig(), context) if source == "argilla" else FileSource(FileConfig(), context)
    receipts = made.publish(slates)
    finish_stage(rnd, {SLATES: slates})
    finish_stage(rnd, {RECEIPTS: receipts})
    return made, receipts


def simulate(folder: Path, number: int, truth: Mapping[str, str], **options: Any) -> dict[str, dict[str, int]]:
    """Let simulated teachers answer a round, as `prefopt teachers simulate` does."""
    return simulate_teachers(published_slates(open_project(folder).round(number)), truth, Simulation(**options))


def truth_of(slates: list[Slate]) -> dict[str, str]:
    """The first candidate is right, but for every third slate, where no card shows the right label."""
    return {slate.problem.id: "[6수04-01]" if number % 3 == 2 else slate.candidates[0].answer.label for number, slate in enumerate(slates)}


@pytest.fixture(params=["file", "argilla"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    if request.param == "argilla":
        project: Path = request.getfixturevalue("argilla_project")
        return project, "argilla"
    return tmp_path, "file"


def test_without_error_they_put_the_right_label_first_or_name_it(folder: tuple[Path, str]) -> None:
    project, source_name = folder
    slates = make_slates(6)
    source, receipts = publish_round(project, 1, source_name, 3, slates)
    counts = simulate(project, 1, truth_of(slates), teachers=3, error_rate=0.0, disagreement=0.0, seed=1)
    assert counts == {f"simulated-{i}": {"ranked": 4, "none_right": 2} for i in (1, 2, 3)}
    rankings = source.collect(slates, receipts)
    assert len(rankings) == 18
    for ranking in rankings:
        if int(ranking.slate_id[-1]) % 3 == 2:
            assert (ranking.kind, ranking.right_label) == ("none_right", "[6수04-01]")
        else:  # c0 is right, c1 shares band and domain, c3 shares the domain, c2 neither
            assert ranking.ranks == {"c0": 1, "c1": 2, "c3": 3, "c2": 4}
    assert source.progress(receipts).done


def test_they_name_the_best_card_alone_where_that_is_asked(folder: tuple[Path, str]) -> None:
    project, source_name = folder
    slates = make_slates(3, prefix="best")
    source, receipts = publish_round(project, 9, source_name, 1, slates, "best")
    simulate(project, 9, truth_of(slates), teachers=1, error_rate=0.0, disagreement=0.0, seed=1)
    found = source.collect(slates, receipts)
    assert [(r.kind, r.best_only, r.ranks, r.right_label) for r in found] == [
        *[("ranked", True, {"c0": 1, "c1": 2, "c2": 2, "c3": 2}, None)] * 2,
        ("none_right", False, {}, "[6수04-01]"),
    ]


def test_each_slate_gets_the_wanted_number_and_a_second_run_adds_nothing(folder: tuple[Path, str]) -> None:
    project, source_name = folder
    slates = make_slates(12)
    source, receipts = publish_round(project, 2, source_name, 2, slates)
    options = {"teachers": 3, "error_rate": 0.3, "disagreement": 0.3, "discard_rate": 0.2, "seed": 5}
    first = simulate(project, 2, truth_of(slates), **options)
    rankings = source.collect(slates, receipts)
    assert set(Counter(ranking.slate_id for ranking in rankings).values()) == {2}
    assert len({ranking.teacher for ranking in rankings}) == 3
    again = simulate(project, 2, truth_of(slates), **options)
    assert sum(sum(verdicts.values()) for verdicts in first.values()) == 24
    assert sum(sum(verdicts.values()) for verdicts in again.values()) == 0
    assert without_time(source.collect(slates, receipts)) == without_time(rankings)


def test_where_the_number_depends_on_the_answers_one_teacher_answers_after_the_other(folder: tuple[Path, str]) -> None:
    project, source_name = folder
    slates = confident_slates(30)
    truth = {slate.problem.id: slate.candidates[number % 5 == 4].answer.label for number, slate in enumerate(slates)}
    publish_round(project, 6, source_name, "adaptive", slates)
    options = {"teachers": 3, "error_rate": 0.2, "disagreement": 0.0, "seed": 5}
    simulate(project, 6, truth, **options)
    rnd = published(open_project(project).round(6))
    progress, reading = rnd.progress()
    assert (progress.complete, progress.published) == (30, 30)
    assert reading is not None
    given = Counter(ranking.slate_id for ranking in reading.answers)
    for slate in slates:
        own = [ranking for ranking in reading.answers if ranking.slate_id == slate.id]
        assert given[slate.id] == rnd.overlap.wanted(slate, own)
    assert set(given.values()) == {1, 2, 3}
    assert 30 < sum(given.values()) < 60
    again = simulate(project, 6, truth, **options)
    assert sum(sum(verdicts.values()) for verdicts in again.values()) == 0


def without_time(rankings: list[Ranking]) -> list[Ranking]:
    return [ranking.model_copy(update={"submitted_at": None}) for ranking in rankings]


def test_both_sources_collect_the_same_from_the_same_seed(argilla_project: Path, tmp_path: Path) -> None:
    slates = make_slates(8)
    collected = []
    for project, name in ((argilla_project, "argilla"), (tmp_path, "file")):
        source, receipts = publish_round(project, 3, name, 2, slates)
        simulate(project, 3, truth_of(slates), teachers=3, error_rate=0.3, disagreement=0.3, discard_rate=0.2, seed=9)
        collected.append(without_time(source.collect(slates, receipts)))
    assert collected[0] == collected[1] != []


def collected(folder: Path, slates: list[Slate], **options: Any) -> dict[tuple[str, str], Ranking]:
    source, receipts = publish_round(folder, 1, "file", 3, slates)
    simulate(folder, 1, truth_of(slates), **{"error_rate": 0.0, "disagreement": 0.0, "teachers": 3, **options})
    return {(ranking.slate_id, ranking.teacher): ranking for ranking in source.collect(slates, receipts)}


def test_errors_shared_by_all_are_the_same_for_all_and_do_not_depend_on_the_other_slates(tmp_path: Path) -> None:
    slates = make_slates(60)
    given = collected(tmp_path / "all", slates, shared_error=0.3)
    best = {key: min(r.ranks, key=lambda card, r=r: r.ranks[card]) if r.ranks else "none" for key, r in given.items()}
    usual = {slate.id: "none" if number % 3 == 2 else "c0" for number, slate in enumerate(slates)}
    wrong = {slate.id for slate in slates if best[slate.id, "simulated-1"] != usual[slate.id]}
    assert 8 <= len(wrong) <= 28, "60 slates at 30 %, four standard deviations"
    for slate in slates:
        assert len({best[slate.id, f"simulated-{i}"] for i in (1, 2, 3)}) == 1
    later = collected(tmp_path / "half", slates[:30][::-1], shared_error=0.3, seed=7)
    # truth_of depends on the place in the list: only slates with the same truth in both are compared
    same = [s for n, s in enumerate(slates[:30]) if (n % 3 == 2) == ((29 - n) % 3 == 2)]
    assert same
    assert all(without_time([later[s.id, "simulated-2"]]) == without_time([given[s.id, "simulated-2"]]) for s in same)


def test_the_error_rate_grows_over_a_round_and_copycats_are_the_last_teachers(tmp_path: Path) -> None:
    slates = make_slates(200)
    given = collected(tmp_path / "tired", slates, fatigue=0.8)

    def wrong(part: list[Slate]) -> float:
        ranked = [given[s.id, f"simulated-{i}"] for s in part for i in (1, 2, 3) if int(s.id.split("-")[-1]) % 3 != 2]
        return sum(r.kind != "ranked" or r.ranks["c0"] != 1 for r in ranked) / len(ranked)

    assert wrong(slates[:50]) == pytest.approx(0.1, abs=0.09)
    assert wrong(slates[-50:]) == pytest.approx(0.7, abs=0.14)
    by_model = {card.id: 1 + sum(o.probability > card.probability for o in slates[0].candidates) for card in slates[0].candidates}
    copies = collected(tmp_path / "copycats", slates[:50], copycats=2)
    shares = {i: sum(copies[s.id, f"simulated-{i}"].ranks == by_model for s in slates[:50]) / 50 for i in (1, 2, 3)}
    assert shares[2] == pytest.approx(0.7, abs=0.26)
    assert shares[3] == pytest.approx(0.7, abs=0.26)
    assert shares[1] == sum(copies[s.id, "simulated-1"].ranks == by_model for s in slates[:50]) / 50 < 0.4
    with pytest.raises(FeedbackError, match="4 copycats among 3"):
        simulate(tmp_path / "copycats", 1, truth_of(slates[:50]), copycats=4)


def test_all_rates_are_printed() -> None:
    line = Simulation(error_rate=0.11, fatigue=0.02, label_error=0.13, shared_error=0.04, position_bias=0.15, disagreement=0.06).line()
    assert all(rate in line for rate in ("11%", "2%", "13%", "4%", "15%", "6%", "copycats 0 of 3", "seed 7"))


def test_the_command_says_what_was_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slates = make_slates(4)
    publish_round(tmp_path, 1, "file", 2, slates)
    rows = [json.dumps({"id": problem, "label": label}) for problem, label in truth_of(slates).items()]
    (tmp_path / "truth.jsonl").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = ["teachers", "simulate", "--truth", "truth.jsonl", "--copycats", "1"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    line, *counts = first.output.splitlines()
    assert line == Simulation(label_error=0.1, shared_error=0.05, position_bias=0.1, fatigue=0.05, copycats=1).line()
    assert len(counts) == 3
    again = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert again["simulation"]["copycats"] == 1
    assert again["simulation"]["shared_error"] == 0.05
    assert all(kinds == {} for kinds in again["judgments"].values()), "nothing is left to judge"


def test_too_few_teachers_and_missing_truth_are_refused(tmp_path: Path) -> None:
    slates = make_slates(2)
    publish_round(tmp_path, 1, "file", 3, slates)
    with pytest.raises(FeedbackError, match="2 simulated teachers for slates that want 3"):
        simulate(tmp_path, 1, truth_of(slates), teachers=2)
    with pytest.raises(FeedbackError, match="no right label is known for problem 'p-001'"):
        simulate(tmp_path, 1, {"p-000": "[2수01-01]"})


def test_a_round_that_is_not_published(tmp_path: Path) -> None:
    publish_round(tmp_path, 1, "file", 1, make_slates(1))
    shutil.rmtree(tmp_path / "rounds" / "001" / "publish")
    with pytest.raises(ProjectError, match="stage publish of round 001 is not done"):
        simulate(tmp_path, 1, {})
    with pytest.raises(ProjectError, match="round 1 is not published yet"):
        last_published(open_project(tmp_path), 1)


class BoardSource:
    """A third source, which keeps the answers in memory. Like every plug-in, it is known to prefopt by its protocols alone."""

    name: ClassVar[str] = "board"
    Config: ClassVar[type[BaseModel]] = FileConfig
    answers: ClassVar[dict[tuple[str, str], Ranking]] = {}

    def __init__(self, config: FileConfig, context: FeedbackContext) -> None:
        self.context = context

    def enter_answers(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Mapping[str, Sequence[Ranking]]
    ) -> dict[str, list[Ranking]]:
        new = {name: [r for r in own if (r.slate_id, name) not in self.answers] for name, own in answers.items()}
        self.answers.update({(r.slate_id, name): r for name, own in new.items() for r in own})
        return new


def test_a_third_source_is_simulated_by_its_protocol_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slates = make_slates(6)
    source, receipts = publish_round(tmp_path, 1, "file", 2, slates)
    options = {"teachers": 3, "error_rate": 0.3, "seed": 5}
    simulate(tmp_path, 1, truth_of(slates), **options)
    monkeypatch.setattr("prefopt.plugins.find_source", lambda name, folder: BoardSource)
    counts = simulate(tmp_path, 1, truth_of(slates), **options)
    assert sum(sum(kinds.values()) for kinds in counts.values()) == 12
    assert [BoardSource.answers[key] for key in sorted(BoardSource.answers)] == source.collect(slates, receipts)


def test_a_source_that_accepts_no_answers_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slates = make_slates(1)
    publish_round(tmp_path, 1, "file", 1, slates)
    without = type("Without", (), {k: v for k, v in vars(BoardSource).items() if k != "enter_answers"})
    monkeypatch.setattr("prefopt.plugins.find_source", lambda name, folder: without)
    with pytest.raises(FeedbackError, match="'board' accepts no answers from simulated teachers"):
        simulate(tmp_path, 1, truth_of(slates))


def test_the_truth_is_read_from_labeled_problems_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"id": "p1", "label": "[2수01-01]", "text": "…"}\n\n{"id": 7, "label": "a"}\n', encoding="utf-8")
    assert read_truth(path) == {"p1": "[2수01-01]", "7": "a"}
    path.write_text('{"id": "p1", "label": "a"}\n{"id": "p2"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"truth\.jsonl:2: .*label"):
        read_truth(path)


def test_a_password_that_the_server_does_not_know_is_replaced(argilla_project: Path) -> None:
    from feedback import bundled

    slates = make_slates(2)
    source, receipts = publish_round(argilla_project, 18, "argilla", 1, slates)
    simulate(argilla_project, 18, truth_of(slates), teachers=1)
    bundled.remember_passwords(bundled.default_home(argilla_project), {"simulated-1": "of-another-server"})
    more = make_slates(2, prefix="more")
    source, receipts = publish_round(argilla_project, 19, "argilla", 1, more)
    simulate(argilla_project, 19, truth_of(more), teachers=1)
    assert source.progress(receipts).done
