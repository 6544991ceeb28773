"""`prefopt data augment`: paraphrases, back-translations or reasons, written by a model behind an OpenAI-compatible server.

Rows go to a file of their own and are marked (`augmented`). A variant has the family of its problem, so that no split separates the two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.prepare.augment_requests import Kind, Plan, Requester, Variant
from prefopt.data.prepare.chat_client import ChatModel
from prefopt.errors import ConfigError, DataError
from prefopt.io.disk import naming
from prefopt.io.files import write_text
from prefopt.io.jsonl_reader import read_jsonl, scan_jsonl
from prefopt.io.leaving import personal_kinds, refuse_personal
from prefopt.io.row import Row
from prefopt.project.near_duplicates import links
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy


@dataclass
class Report:
    """Result of a run."""

    accepted: int
    refused: Counter[str]
    """Reason of refusal -> variants."""
    not_sent: list[str]
    """Ids of problems with personal data of any kind, names included."""


def augment_file(
    source: Path,
    out: Path,
    model: ChatModel,
    plan: Plan,
    *,
    taxonomy: Taxonomy | None = None,
    answers: Path | None = None,
    refused: Path | None = None,
    reading: ReadOptions = AS_IT_IS,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Ask for variants or reasons of every problem of a file and write the accepted ones.

    Args:
        source: problems; those with personal data in any key are not sent.
        out: accepted problems, marked `augmented`. Until it is complete, a hidden file next to it keeps the answers for resuming.
        model: the chat model.
        plan: what to ask for.
        taxonomy: of the labels; needed for reasons.
        answers: JSONL of {"id", "answer"}; other answers are asked for.
        refused: JSONL file for the refused variants and why.
        reading: which column of the source is what.
        on_step: called with (problems done, problems).

    Raises:
        DataError: no problem, a repeated id, personal data in the taxonomy, or no accepted variant.
        ConfigError: reasons without a taxonomy.
        ModelError: the server does not answer or refuses.
    """
    problems = list(read_problems_of(source, reading))
    _check(problems, source, out, plan, taxonomy)
    known = _answers(answers)
    personal = {p.id for p in problems if personal_kinds(p)}
    if plan.kind == "reason" and taxonomy is not None:
        refuse_personal(((f"label {label.id}", label.name) for label in taxonomy), model.url)
    sent = [p for p in problems if not p.is_augmented and p.id not in personal and (plan.kind != "reason" or p.label is not None)]
    requester = Requester(model, plan, known, taxonomy)
    made = [m for variants in _each(sent, requester, out, plan, on_step) for m in variants]
    originals = {p.id: p for p in problems}
    made = made if plan.kind == "reason" else _without_repeats(made, problems)
    rows = [_row(m, originals[m.id], plan.kind) for m in made if m.why is None]
    whys = Counter(m.why for m in made if m.why is not None)
    if refused is not None:
        write_text(refused, "".join(json.dumps(asdict(m), ensure_ascii=False) + "\n" for m in made if m.why is not None))
    if not rows and not whys and personal:
        not_sent = f"no problem could be sent, {len(personal)} of {len(problems)} have personal data"
        raise DataError(not_sent, path=source, hint="remove it, or use a masked copy: prefopt data mask FILE OUT")
    if not rows:
        summary = ", ".join(f"{n} {why}" for why, n in whys.most_common(3)) or "it wrote none"
        raise DataError(
            f"every text of the model is refused: {summary}", path=source, hint="try a stronger model; --refused FILE keeps what it wrote"
        )
    write_rows_to(out, rows, source)
    _progress(out).unlink(missing_ok=True)
    return Report(len(rows), whys, [p.id for p in problems if p.id in personal])


def _check(problems: Sequence[Problem], source: Path, out: Path, plan: Plan, taxonomy: Taxonomy | None) -> None:
    if not problems:
        raise DataError("the file contains no problem", path=source, hint="give a file with problems")
    twice = [i for i, n in Counter(p.id for p in problems).items() if n > 1]
    if twice:
        raise DataError(f"{len(twice)} ids occur twice: {', '.join(twice[:5])}", path=source, hint="`prefopt data check` shows their lines")
    if out.exists() and out.resolve() == source.resolve():
        raise DataError("would replace the source; variants go to a file of their own", path=source, hint="give another name")
    if plan.kind == "reason":
        if taxonomy is None:
            raise ConfigError("reasons need a taxonomy", hint="--taxonomy FILE")
        for p in problems:
            if p.label is not None and taxonomy.find(p.label) is None:
                raise DataError(f"label {p.label!r} of problem {p.id!r} is not in {taxonomy.source}", path=source)


def _answers(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    answers: dict[str, str] = {}
    for row in read_jsonl(path, hint='write one JSON object a line: {"id": …, "answer": …}'):
        if "id" not in row.values or "answer" not in row.values:
            raise DataError("no id or no answer", path=path, line=row.line, hint='write {"id": …, "answer": …}')
        answers[str(row.values["id"])] = str(row.values["answer"])
    return answers


def _each(
    problems: Sequence[Problem], requester: Requester, out: Path, plan: Plan, on_step: Callable[[int, int], None]
) -> Iterator[list[Variant]]:
    """The variants of each problem, in order. Problems that an earlier run of the same plan finished are not asked again."""
    path, mark = _progress(out), json.dumps(asdict(plan), sort_keys=True)
    finished = _finished(path, mark)

    def ask(problem: Problem) -> tuple[str, list[Variant], bool]:
        key = hashlib.sha256(f"{problem.id}\0{problem.text}\0{problem.label}".encode()).hexdigest()
        return (key, finished[key], False) if key in finished else (key, requester.variants_of(problem), True)

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines, ThreadPoolExecutor(max_workers=plan.at_once) as pool:
        for number, (key, made, new) in enumerate(pool.map(ask, problems), 1):
            if new:
                with naming(path):
                    lines.write(json.dumps({"plan": mark, "key": key, "made": [asdict(m) for m in made]}, ensure_ascii=False) + "\n")
                    lines.flush()
                    os.fsync(lines.fileno())
            on_step(number, len(problems))
            yield made


def _progress(out: Path) -> Path:
    return out.with_name(f".{out.name}.asked.jsonl")


def _finished(path: Path, mark: str) -> dict[str, list[Variant]]:
    """Key of a problem -> its variants, from the progress file of an earlier run."""
    finished: dict[str, list[Variant]] = {}
    for row in scan_jsonl(path) if path.exists() else ():
        if isinstance(row, Row) and row.values["plan"] == mark:  # a fault is the incomplete last line of a killed run
            finished[row.values["key"]] = [Variant(**made) for made in row.values["made"]]
    return finished


def _without_repeats(made: Sequence[Variant], problems: Sequence[Problem]) -> list[Variant]:
    """Refuse variants that repeat another variant or a problem of another family."""
    held = [m for m in made if m.why is None]
    groups = {p.id: p.group for p in problems}
    owners = [(p.group, "") for p in problems] + [(groups[m.id], f"{m.id} {m.number}") for m in held]
    bad = {
        owners[link.later][1]
        for link in links([p.text for p in problems] + [m.text for m in held])
        if owners[link.later][1] and (link.similarity == 1.0 or owners[link.later][0] != owners[link.earlier][0])
    }
    return [Variant(m.id, m.number, m.text, "repeats") if m.why is None and f"{m.id} {m.number}" in bad else m for m in made]


def _row(variant: Variant, problem: Problem, kind: Kind) -> dict[str, Any]:
    if kind == "reason":
        return row_of(problem.model_copy(update={"reason": variant.text, "augmented": kind}))
    changed = {"id": f"{problem.id}~{kind}-{variant.number}", "text": variant.text, "family": problem.group, "augmented": kind}
    return row_of(problem.model_copy(update=changed))
