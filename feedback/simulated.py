"""Simulated teachers: accounts called simulated-1, simulated-2 …, who answer a round's slates as people would, through the same doors.

In Argilla they sign in with their own passwords, read their queue and submit; for the file source they fill in their own CSV file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.argilla import ArgillaConfig
from feedback.client import ArgillaClient, RefusedError, find_server, new_password, sign_in
from feedback.file import FileConfig
from feedback.judgment import chance, judge
from feedback.mapping import record_id, response_values
from feedback.sheet import answer_cells, columns, question_cells, read_sheet, write_sheet
from prefopt.config import ProjectConfig
from prefopt.errors import DataError, FeedbackError
from prefopt.io.stage_folders import read_rows
from prefopt.plugins import options
from prefopt.project.project import open_project
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Ranking, Receipt, Slate
from prefopt.taxonomy import Taxonomy, read_taxonomy

QUEUE_PAGE = 500
SUBMIT_BATCH = 100
"""Responses a request; the server's limit."""
PENDING = {
    "filters": {"and": [{"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]}]},
}


@dataclass(frozen=True)
class Published:
    """What a round showed to its teachers."""

    project: Path
    config: ProjectConfig
    taxonomy: Taxonomy
    slates: tuple[Slate, ...]
    receipts: tuple[Receipt, ...]


def simulate_teachers(
    project: Path,
    round: int,
    truth: Mapping[str, str],
    *,
    teachers: int = 3,
    error_rate: float = 0.1,
    disagreement: float = 0.05,
    discard_rate: float = 0.0,
    seed: int = 7,
    on_step: OnStep = ignore_steps,
) -> dict[str, dict[str, int]]:
    """Let simulated teachers answer the published slates of a round; what they have answered before stays.

    Each slate is judged by as many of them as the round asks for (overlap), chosen by the slate's id.

    Args:
        project: the project's folder.
        truth: problem id -> id of the right label.
        teachers: how many there are.
        error_rate, disagreement, discard_rate: see feedback.judgment.judge.
        seed: of their chance; the same seed gives the same judgments in any order.

    Returns:
        Per teacher the number of judgments given now, by verdict.

    Raises:
        FeedbackError: the round is not published, too few teachers, no truth for a problem, or what Argilla says.
    """
    published = _published(project, round)
    wanted = published.config.feedback.overlap
    if teachers < wanted:
        raise FeedbackError(f"{teachers} simulated teachers for slates that want {wanted} judgments each", hint=f"--teachers {wanted}")
    names = [f"simulated-{number}" for number in range(1, teachers + 1)]
    rankings = _judgments(published, truth, names, wanted, error_rate, disagreement, discard_rate, seed)
    answer = {"argilla": _answer_in_argilla, "file": _answer_in_files}.get(published.receipts[0].source)
    if answer is None:
        raise FeedbackError(f"simulated teachers know the sources argilla and file, not {published.receipts[0].source!r}")
    return answer(published, rankings, on_step)


def read_truth(path: Path) -> dict[str, str]:
    """Problem id -> right label, from JSONL rows {"id": ..., "label": ...}; other keys are passed over.

    Raises:
        DataError: with file and line.
    """
    import json

    truth: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError("no such file", path=path, hint='write one JSON object a line: {"id": problem id, "label": right label}') from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            truth[str(row["id"])] = str(row["label"])
        except (ValueError, KeyError, TypeError):
            raise DataError("no JSON object with id and label", path=path, line=number) from None
    return truth


def _published(folder: Path, number: int) -> Published:
    found = open_project(folder).round(number)
    config = found.config
    slates = found.stage("sample") / "candidates.jsonl"
    receipts = found.stage("publish") / "receipts.jsonl"
    if not receipts.exists():
        raise FeedbackError(f"round {number} is not published yet", hint="type `prefopt round` first")
    return Published(
        folder,
        config,
        read_taxonomy(folder / config.data.taxonomy),
        tuple(read_rows(slates, Slate)),
        tuple(read_rows(receipts, Receipt)),
    )


def _judgments(
    published: Published,
    truth: Mapping[str, str],
    names: Sequence[str],
    wanted: int,
    error_rate: float,
    disagreement: float,
    discard_rate: float,
    seed: int,
) -> dict[str, dict[str, Ranking]]:
    """Teacher -> slate id -> judgment."""
    rankings: dict[str, dict[str, Ranking]] = {name: {} for name in names}
    for slate in published.slates:
        right = slate.gold or truth.get(slate.problem.id)
        if right is None or right not in published.taxonomy:
            raise FeedbackError(f"no right label is known for problem {slate.problem.id!r} of slate {slate.id} (found: {right!r})")
        for name in chance(seed, "turn", slate.id).sample(list(names), wanted):
            rankings[name][slate.id] = judge(
                slate,
                right,
                published.taxonomy,
                chance(seed, name, slate.id),
                teacher=name,
                error_rate=error_rate,
                disagreement=disagreement,
                discard_rate=discard_rate,
            )
    return rankings


def _answer_in_argilla(published: Published, rankings: Mapping[str, Mapping[str, Ranking]], on_step: OnStep) -> dict[str, dict[str, int]]:
    config = options(ArgillaConfig, published.config.feedback.options, "[feedback.options]")
    assert isinstance(config, ArgillaConfig)  # noqa: S101 - options() gives what it is asked for
    home = published.project / config.home
    url, key = find_server(published.project, config.url, home)
    owner = ArgillaClient(url, key=key)
    owner.owner_name()
    workspace = owner.ensure_workspace(config.workspace)
    dataset = owner.dataset(published.receipts[0].dataset, workspace)
    if dataset is None:
        raise FeedbackError(f"Argilla at {url} has no dataset {published.receipts[0].dataset!r} in the workspace {config.workspace!r}")
    slates = {record_id(slate.id): slate for slate in published.slates}
    total, counts = sum(len(own) for own in rankings.values()), {}
    for name, own in rankings.items():
        teacher = _sign_in(owner, workspace, home, name)
        counts[name] = _answer_queue(teacher, str(dataset["id"]), slates, own)
        on_step(sum(len(rankings[done]) for done in counts), total, name)
    return counts


def _sign_in(owner: ArgillaClient, workspace: str, home: Path, name: str) -> ArgillaClient:
    known = bundled.passwords(home).get(name)
    password = known or new_password()
    made = owner.add_teacher(name, f"Simulated teacher {name.rpartition('-')[2]}", workspace, password)
    if not made and known is None:
        owner.set_password(name, password)
    if known is None:
        bundled.remember_passwords(home, {name: password})
    try:
        return sign_in(owner.url, name, password)
    except RefusedError as error:
        if error.status != 401:
            raise
    password = new_password()  # the one that was kept belongs to another server of this project
    owner.set_password(name, password)
    bundled.remember_passwords(home, {name: password})
    return sign_in(owner.url, name, password)


def _answer_queue(teacher: ArgillaClient, dataset: str, slates: Mapping[str, Slate], own: Mapping[str, Ranking]) -> dict[str, int]:
    """Read the whole queue, then submit the judgments of one's own in batches; returns their number by verdict."""
    queue: list[dict[str, Any]] = []
    while True:
        path = f"/me/datasets/{dataset}/records/search"
        reply = teacher.request("POST", path, params={"limit": QUEUE_PAGE, "offset": len(queue)}, json=PENDING, repeatable=True)
        queue += [item["record"] for item in reply["items"]]
        if len(reply["items"]) < QUEUE_PAGE:
            break
    counts: dict[str, int] = {}
    responses = []
    for record in sorted(queue, key=lambda record: str(record["external_id"])):
        slate = slates.get(str(record["external_id"]))
        ranking = own.get(slate.id) if slate else None
        if slate is None or ranking is None:
            continue
        status = "discarded" if ranking.kind == "discarded" else "submitted"
        values = response_values(slate, ranking)
        responses.append({"record_id": record["id"], "status": status, **({"values": values} if values else {})})
        counts[ranking.kind] = counts.get(ranking.kind, 0) + 1
    for start in range(0, len(responses), SUBMIT_BATCH):
        batch = {"items": responses[start : start + SUBMIT_BATCH]}
        reply = teacher.request("POST", "/me/responses/bulk", json=batch, repeatable=True)  # upserts: a repeat changes nothing
        refused = [item["error"]["detail"] for item in reply["items"] if item.get("error")]
        if refused:
            raise FeedbackError(f"Argilla refused {len(refused)} answers of a simulated teacher: {refused[0]}")
    return counts


def _answer_in_files(published: Published, rankings: Mapping[str, Mapping[str, Ranking]], on_step: OnStep) -> dict[str, dict[str, int]]:
    config = options(FileConfig, published.config.feedback.options, "[feedback.options]")
    assert isinstance(config, FileConfig)  # noqa: S101 - options() gives what it is asked for
    folder = published.project / config.folder / published.receipts[0].dataset
    questions = {slate.id: question_cells(slate, published.taxonomy) for slate in published.slates}
    counts: dict[str, dict[str, int]] = {}
    for done, (name, own) in enumerate(rankings.items(), 1):
        path = folder / f"{name}.csv"
        earlier = {row.slate_id: row for row in read_sheet(path)} if path.exists() else {}
        kept = {slate_id: row.cells for slate_id, row in earlier.items() if row.is_judged}
        new = {slate.id: answer_cells(slate, own[slate.id]) for slate in published.slates if slate.id in own and slate.id not in kept}
        answers = {
            slate_id: {name: cells[name] for name in cells if name not in questions[slate_id]} for slate_id, cells in kept.items()
        } | new
        write_sheet(path, columns(published.slates), questions, answers)
        kinds = [own[slate_id].kind for slate_id in new]
        counts[name] = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
        on_step(done, len(rankings), name)
    return counts
