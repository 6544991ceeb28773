"""`prefopt data augment`: problems said in other words, or reasons for their labels, by a model behind an OpenAI-compatible server.

What it writes is kept apart (a file of its own) and marked (`augmented`), its family is that of its problem, so that no split parts the
two, and it is refused where numbers or the answer did not survive, or where a reason does not lead back to its label.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.checks.near_duplicates import links
from prefopt.data.checks.personal_data import personal_data
from prefopt.data.checks.reason_checks import names_only, why_reason_is_refused
from prefopt.data.formats.problem_rows import read_problems_of, row_of
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.prepare.chat_client import ChatModel
from prefopt.data.prepare.rewrite_checks import same_answer, tells_answer, why_text_is_refused
from prefopt.errors import ConfigError, DataError
from prefopt.io.files import write_text
from prefopt.io.jsonl_reader import read_jsonl
from prefopt.records import Problem
from prefopt.taxonomy import Label, Taxonomy

Kind = Literal["paraphrase", "back-translation", "reason"]
ORIGINS: tuple[Kind, ...] = ("paraphrase", "back-translation", "reason")
LANGUAGES = {"ko": "Korean", "en": "English", "ja": "Japanese", "zh": "Chinese"}
OFFERED = 5  # labels that a reason is held against

_KEEP = (
    "Keep every number, unit, letter, formula, name and listed choice exactly as it is written, keep what is asked, and do not solve it."
)
_PARAPHRASE = (
    "Rewrite the mathematics problem of the user in other words, in the language it is written in. "
    f"{_KEEP} Answer with the rewritten problem alone."
)
_TRANSLATE = f"Translate the mathematics problem of the user into {{language}}. {_KEEP} Answer with the translation alone."
_SOLVE = "Solve the mathematics problem of the user. Answer with the final answer alone, with its unit where it has one."
_REASON = (
    "The user gives a mathematics problem and the standard of the curriculum that it belongs to. Say in two or three sentences in "
    "{language}, from what stands in the problem, why it belongs there. Name the standard's code in the last sentence."
)
_CHOOSE = (
    "The user gives a reason why a mathematics problem belongs to a standard of the curriculum, with the standard left out, and a list of "
    "standards. Answer with the code of the one that the reason speaks for, and nothing else."
)


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    kind: Kind
    variants: int = 1
    """Of each problem; of reasons there is one."""
    language: str = "en"
    """Of the back-translation's way, or of the reason."""
    seed: int = 7
    temperature: float = 0.8
    max_tokens: int = 1024
    at_once: int = 4


@dataclass(frozen=True)
class Made:
    """One text that was asked for: accepted where `why` is None."""

    id: str
    number: int
    text: str
    why: str | None


@dataclass
class Report:
    """What came of it."""

    accepted: int
    refused: Counter[str]
    not_sent: list[str]
    """Ids of problems with personal data."""


def augment_file(
    source: Path,
    out: Path,
    model: ChatModel,
    plan: Plan,
    *,
    taxonomy: Taxonomy | None = None,
    answers: Path | None = None,
    refused: Path | None = None,
    columns: Mapping[str, str] | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Ask for variants or reasons of every problem of a file and write those that hold.

    Args:
        source: problems; of those with personal data nothing is sent.
        out: problems marked `augmented`. What was asked lies beside it until it is whole, so that a stopped run goes on.
        model: whom to ask.
        plan: what for.
        taxonomy: of the labels; needed for reasons.
        answers: JSONL of {"id", "answer"}; the answer to a problem that is not in it is asked for.
        refused: a JSONL file for what was refused, with why.
        columns: as of prefopt.data.formats.problem_rows.
        on_step: told how many problems are done.

    Raises:
        DataError: no problem, an id twice, or nothing that holds. ConfigError: a reason without taxonomy. ModelError: the server.
    """
    problems = list(read_problems_of(source, columns))
    _check(problems, source, out, plan, taxonomy)
    known = _answers(answers)
    sent = [p for p in problems if not p.is_augmented and not _personal(p) and (plan.kind != "reason" or p.label is not None)]
    asker = _Asker(model, plan, known, taxonomy)
    made = [m for found in _each(sent, asker, out, plan, on_step) for m in found]
    originals = {p.id: p for p in problems}
    made = made if plan.kind == "reason" else _without_repeats(made, problems)
    rows = [_row(m, originals[m.id], plan.kind) for m in made if m.why is None]
    whys = Counter(m.why for m in made if m.why is not None)
    if refused is not None:
        write_text(refused, "".join(json.dumps(asdict(m), ensure_ascii=False) + "\n" for m in made if m.why is not None))
    if not rows:
        told = ", ".join(f"{n} {why}" for why, n in whys.most_common(3)) or "no problem could be sent"
        raise DataError(
            f"nothing that the model wrote holds: {told}", path=source, hint="try a stronger model; --refused FILE shows what it wrote"
        )
    write_rows_to(out, rows)
    _progress(out).unlink(missing_ok=True)
    return Report(len(rows), whys, [p.id for p in problems if _personal(p)])


def _check(problems: Sequence[Problem], source: Path, out: Path, plan: Plan, taxonomy: Taxonomy | None) -> None:
    if not problems:
        raise DataError("holds no problem", path=source)
    twice = [i for i, n in Counter(p.id for p in problems).items() if n > 1]
    if twice:
        raise DataError(f"{len(twice)} ids stand for two problems: {', '.join(twice[:5])}", path=source, hint="prefopt data check")
    if out.exists() and out.resolve() == source.resolve():
        raise DataError("would replace the file itself: what a model writes is kept apart", path=source, hint="give another name")
    if plan.kind == "reason":
        if taxonomy is None:
            raise ConfigError("reasons need a taxonomy: a reason speaks for a label", hint="--taxonomy FILE")
        for p in problems:
            if p.label is not None and taxonomy.find(p.label) is None:
                raise DataError(f"label {p.label!r} of problem {p.id!r} is not in {taxonomy.source}", path=source)


def _personal(problem: Problem) -> bool:
    return any(KINDS[span.kind].severity == "error" for span in personal_data(problem.text))


def _answers(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    answers: dict[str, str] = {}
    for row in read_jsonl(path, hint='write one JSON object a line: {"id": …, "answer": …}'):
        if "id" not in row.values or "answer" not in row.values:
            raise DataError("no id or no answer", path=path, line=row.line, hint='write {"id": …, "answer": …}')
        answers[str(row.values["id"])] = str(row.values["answer"])
    return answers


class _Asker:
    """Asks for one problem at a time; every request has its own seed, so that the order does not matter."""

    def __init__(self, model: ChatModel, plan: Plan, answers: Mapping[str, str], taxonomy: Taxonomy | None) -> None:
        self._model, self._plan, self._answers, self._taxonomy = model, plan, answers, taxonomy

    def made(self, problem: Problem) -> list[Made]:
        """Everything asked for a problem, accepted or refused."""
        if self._plan.kind == "reason":
            return [self._reason(problem)]
        answer = self._answers.get(problem.id) or self._say(_SOLVE, problem.text, problem.id, "solve", temperature=0.0)
        return [self._variant(problem, number, answer) for number in range(1, self._plan.variants + 1)]

    def _variant(self, problem: Problem, number: int, answer: str | None) -> Made:
        text = self._rewritten(problem, number)
        why = "cut off" if text is None else why_text_is_refused(problem.text, text)
        if why is None and text is not None:
            why = self._answer_fault(problem, text, answer, number)
        return Made(problem.id, number, text or "", why)

    def _rewritten(self, problem: Problem, number: int) -> str | None:
        if self._plan.kind == "paraphrase":
            return self._say(_PARAPHRASE, problem.text, problem.id, f"paraphrase {number}")
        there = self._say(_TRANSLATE.format(language=LANGUAGES[self._plan.language]), problem.text, problem.id, f"there {number}")
        home = _language(problem.text)
        return None if there is None else self._say(_TRANSLATE.format(language=home), there, problem.id, f"back {number}")

    def _answer_fault(self, problem: Problem, text: str, answer: str | None, number: int) -> str | None:
        if answer is None:
            return "answer not known"
        if tells_answer(problem.text, text, answer):
            return "answer told"
        again = self._say(_SOLVE, text, problem.id, f"solve {number}", temperature=0.0)
        return None if again is not None and same_answer(answer, again) else "answer"

    def _reason(self, problem: Problem) -> Made:
        language = self._plan.language
        taxonomy, label = self._labeled(problem)
        asked = f"{problem.text}\n\n{label.id} {label.name}"
        reason = self._say(_REASON.format(language=LANGUAGES[language]), asked, problem.id, "reason")
        why = "cut off" if reason is None else why_reason_is_refused(reason, problem.text, label, taxonomy, language)
        if why is None and reason is not None:
            offered = self._offered(label.id, taxonomy, problem.id)
            hidden = re.sub(re.escape(label.name), "…", reason.replace(label.id, "…").replace(label.id.strip("[]"), "…"))
            said = self._say(_CHOOSE, f"{hidden}\n\n" + "\n".join(offered), problem.id, "choose", temperature=0.0)
            why = None if said is not None and names_only(said, label, taxonomy) else "label not found again"
        return Made(problem.id, 1, reason or "", why)

    def _labeled(self, problem: Problem) -> tuple[Taxonomy, Label]:
        taxonomy = self._taxonomy
        label = taxonomy.find(problem.label or "") if taxonomy is not None else None
        if taxonomy is None or label is None:
            raise ConfigError(f"problem {problem.id!r} has no label of the taxonomy to reason for", hint="--taxonomy FILE")
        return taxonomy, label

    def _offered(self, label_id: str, taxonomy: Taxonomy, problem_id: str) -> list[str]:
        """The label among its neighbors in the taxonomy, in drawn order."""
        at = taxonomy.index(label_id)
        near = sorted((i for i in range(len(taxonomy)) if i != at), key=lambda i: (abs(i - at), i))[: OFFERED - 1]
        found = [f"{taxonomy.labels[i].id} {taxonomy.labels[i].name}" for i in (at, *near)]
        random.Random(_seed(self._plan.seed, problem_id, "offered")).shuffle(found)  # noqa: S311  an order, no secret
        return found

    def _say(self, system: str, user: str, problem_id: str, what: str, temperature: float | None = None) -> str | None:
        plan = self._plan
        heat = plan.temperature if temperature is None else temperature
        return self._model.say(system, user, seed=_seed(plan.seed, problem_id, what), temperature=heat, max_tokens=plan.max_tokens)


def _language(text: str) -> str:
    from prefopt.data.checks.text_checks import language_of

    return LANGUAGES.get(language_of(text) or "", "the language of the name of its units")


def _seed(seed: int, problem_id: str, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"augment\0{seed}\0{problem_id}\0{what}".encode()).digest()[:4], "big")


def _each(problems: Sequence[Problem], asker: _Asker, out: Path, plan: Plan, on_step: Callable[[int, int], None]) -> Iterator[list[Made]]:
    """What was made of each problem, in order; what an earlier run of the same plan was told is not asked again."""
    path, mark = _progress(out), json.dumps(asdict(plan), sort_keys=True)
    kept = _kept(path, mark)

    def ask(problem: Problem) -> tuple[str, list[Made], bool]:
        key = hashlib.sha256(f"{problem.id}\0{problem.text}\0{problem.label}".encode()).hexdigest()
        return (key, kept[key], False) if key in kept else (key, asker.made(problem), True)

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines, ThreadPoolExecutor(max_workers=plan.at_once) as pool:
        for number, (key, made, new) in enumerate(pool.map(ask, problems), 1):
            if new:
                lines.write(json.dumps({"plan": mark, "key": key, "made": [asdict(m) for m in made]}, ensure_ascii=False) + "\n")
                lines.flush()
            on_step(number, len(problems))
            yield made


def _progress(out: Path) -> Path:
    return out.with_name(f".{out.name}.asked.jsonl")


def _kept(path: Path, mark: str) -> dict[str, list[Made]]:
    found: dict[str, list[Made]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row: dict[str, Any] = json.loads(line)
            if row["plan"] == mark:
                found[row["key"]] = [Made(**m) for m in row["made"]]
        except (ValueError, KeyError, TypeError):
            continue  # the line that a killed run was writing
    return found


def _without_repeats(made: Sequence[Made], problems: Sequence[Problem]) -> list[Made]:
    """Refuse what repeats another variant, or says what a problem of another family says."""
    held = [m for m in made if m.why is None]
    groups = {p.id: p.group for p in problems}
    owners = [(p.group, "") for p in problems] + [(groups[m.id], f"{m.id} {m.number}") for m in held]
    bad = {
        owners[link.later][1]
        for link in links([p.text for p in problems] + [m.text for m in held])
        if owners[link.later][1] and (link.similarity == 1.0 or owners[link.later][0] != owners[link.earlier][0])
    }
    return [Made(m.id, m.number, m.text, "repeats") if m.why is None and f"{m.id} {m.number}" in bad else m for m in made]


def _row(made: Made, problem: Problem, kind: Kind) -> dict[str, Any]:
    if kind == "reason":
        return row_of(problem.model_copy(update={"reason": made.text, "augmented": kind}))
    changed = {"id": f"{problem.id}~{kind}-{made.number}", "text": made.text, "family": problem.group, "augmented": kind}
    return row_of(problem.model_copy(update=changed))
