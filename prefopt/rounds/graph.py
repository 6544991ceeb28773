"""The data flow of one round as text: what each stage reads and writes, with the content hashes of what is done."""

from __future__ import annotations

from collections.abc import Iterator

from prefopt.project.project import Round
from prefopt.rounds.order import STAGES
from prefopt.rounds.states import StageStatus, round_status

_HASH = 12  # hex digits shown


def graph_lines(rnd: Round) -> Iterator[str]:
    """One block a stage: its state, its inputs and its outputs. Stages that are not done show what they declare."""
    for status in round_status(rnd):
        yield f"{status.name}  ({status.state.value}{f': {status.detail}' if status.detail else ''})"
        yield from _lines("reads", _inputs(status))
        yield from _lines("writes", _outputs(rnd, status))


def graph_rows(rnd: Round) -> list[dict[str, object]]:
    """The same for --json: stage, state, and name -> hash (None where the stage is not done) of inputs and outputs."""
    return [
        {"stage": s.name, "state": s.state.value, "reads": dict(_inputs(s)), "writes": dict(_outputs(rnd, s))} for s in round_status(rnd)
    ]


def _inputs(status: StageStatus) -> list[tuple[str, str | None]]:
    if status.manifest:
        return [(name, record.sha256) for name, record in status.manifest.inputs.items()]
    stage = STAGES[status.name]
    return [(str(read), None) for read in (*stage.reads.values(), *stage.verifies)]


def _outputs(rnd: Round, status: StageStatus) -> list[tuple[str, str | None]]:
    if status.manifest:
        return [(f"{rnd.name}/{status.name}/{name}", record.sha256) for name, record in status.manifest.outputs.items()]
    return [(f"{rnd.name}/{artifact}{' (optional)' if artifact.optional else ''}", None) for artifact in STAGES[status.name].writes]


def _lines(what: str, files: list[tuple[str, str | None]]) -> Iterator[str]:
    for position, (name, sha256) in enumerate(files):
        yield f"  {what if position == 0 else '':<7} {name:<44} {sha256[:_HASH] if sha256 else ''}".rstrip()
