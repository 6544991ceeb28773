"""Ask a model for rewritten problems or reasons, one problem at a time, and check each answer.

A rewritten problem must keep its numbers and its answer; a reason must name its label, and the label must be recovered from the reason.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prefopt.data.checks.reason_checks import names_only, why_reason_is_refused
from prefopt.data.checks.text_checks import language_of
from prefopt.data.prepare.chat_client import ChatModel
from prefopt.data.prepare.rewrite_checks import reveals_answer, same_answer, why_text_is_refused
from prefopt.errors import ConfigError
from prefopt.records import Problem
from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.personal_data import personal_data

Kind = Literal["paraphrase", "back-translation", "reason"]
ORIGINS: tuple[Kind, ...] = ("paraphrase", "back-translation", "reason")
LANGUAGES = {"ko": "Korean", "en": "English", "ja": "Japanese", "zh": "Chinese"}
OFFERED = 5  # labels from which the one of a reason must be recovered

_KEEP = (
    "Keep every number, unit, letter, formula, name and listed choice exactly as it is written, keep what is asked, and do not solve it."
)
_PARAPHRASE = (
    f"Rewrite the problem of the user in other words, in the language it is written in. {_KEEP} Answer with the rewritten problem alone."
)
_TRANSLATE = f"Translate the problem of the user into {{language}}. {_KEEP} Answer with the translation alone."
_SOLVE = "Solve the problem of the user. Answer with the final answer alone, with its unit where it has one."
_REASON = (
    "The user gives a problem and the label that it belongs to. Say in two or three sentences in "
    "{language}, from what the problem contains, why it belongs there. Name the label's code in the last sentence."
)
_CHOOSE = (
    "The user gives a reason why a problem belongs to a label, with the label left out, and a list of labels. "
    "Answer with the code of the one that the reason speaks for, and nothing else."
)


@dataclass(frozen=True)
class Plan:
    """What the model is asked for."""

    kind: Kind
    variants: int = 1
    """Texts for each problem; reasons have one."""
    language: str = "en"
    """Intermediate language of a back-translation, or language of the reasons."""
    seed: int = 7
    temperature: float = 0.8
    max_tokens: int = 1024
    at_once: int = 4
    """Problems in progress at the same time."""


@dataclass(frozen=True)
class Variant:
    """One text of the model; accepted where `why` is None."""

    id: str
    number: int
    text: str
    why: str | None


class Requester:
    """Asks for the variants of one problem at a time. Every request has its own seed, so the order of problems does not matter.

    Args:
        model: the chat model.
        plan: what to ask for.
        answers: problem id -> known answer; the answers of other problems are asked for.
        taxonomy: of the labels; needed for reasons.
    """

    def __init__(self, model: ChatModel, plan: Plan, answers: Mapping[str, str], taxonomy: Taxonomy | None) -> None:
        self._model, self._plan, self._answers, self._taxonomy = model, plan, answers, taxonomy

    def variants_of(self, problem: Problem) -> list[Variant]:
        """All variants of a problem, accepted or refused."""
        if self._plan.kind == "reason":
            return [self._reason(problem)]
        answer = self._answers.get(problem.id) or self._ask(_SOLVE, problem.text, problem.id, "solve", temperature=0.0)
        return [self._variant(problem, number, answer) for number in range(1, self._plan.variants + 1)]

    def _variant(self, problem: Problem, number: int, answer: str | None) -> Variant:
        text = self._rewritten(problem, number)
        why = "cut off" if text is None else "personal data" if personal_data(text) else why_text_is_refused(problem.text, text)
        if why is None and text is not None:
            why = self._answer_fault(problem, text, answer, number)
        return Variant(problem.id, number, text or "", why)

    def _rewritten(self, problem: Problem, number: int) -> str | None:
        if self._plan.kind == "paraphrase":
            return self._ask(_PARAPHRASE, problem.text, problem.id, f"paraphrase {number}")
        there = self._ask(_TRANSLATE.format(language=LANGUAGES[self._plan.language]), problem.text, problem.id, f"there {number}")
        home = _language(problem.text)
        if there is None or personal_data(there):
            return None
        return self._ask(_TRANSLATE.format(language=home), there, problem.id, f"back {number}")

    def _answer_fault(self, problem: Problem, text: str, answer: str | None, number: int) -> str | None:
        if answer is None:
            return "answer unknown"
        if reveals_answer(problem.text, text, answer):
            return "answer revealed"
        again = self._ask(_SOLVE, text, problem.id, f"solve {number}", temperature=0.0)
        return None if again is not None and same_answer(answer, again) else "answer"

    def _reason(self, problem: Problem) -> Variant:
        language = self._plan.language
        taxonomy, label = self._labeled(problem)
        question = f"{problem.text}\n\n{label.id} {label.name}"
        reason = self._ask(_REASON.format(language=LANGUAGES[language]), question, problem.id, "reason")
        why = (
            "cut off"
            if reason is None
            else "personal data"
            if personal_data(reason)
            else why_reason_is_refused(reason, problem.text, label, taxonomy, language)
        )
        if why is None and reason is not None:
            offered = self._offered(label.id, taxonomy, problem.id)
            hidden = re.sub(re.escape(label.name), "…", reason.replace(label.id, "…").replace(label.id.strip("[]"), "…"))
            chosen = self._ask(_CHOOSE, f"{hidden}\n\n" + "\n".join(offered), problem.id, "choose", temperature=0.0)
            why = None if chosen is not None and names_only(chosen, label, taxonomy) else "label not recovered"
        return Variant(problem.id, 1, reason or "", why)

    def _labeled(self, problem: Problem) -> tuple[Taxonomy, Label]:
        taxonomy = self._taxonomy
        label = taxonomy.find(problem.label or "") if taxonomy is not None else None
        if taxonomy is None or label is None:
            raise ConfigError(f"problem {problem.id!r} has no label of the taxonomy", hint="--taxonomy FILE")
        return taxonomy, label

    def _offered(self, label_id: str, taxonomy: Taxonomy, problem_id: str) -> list[str]:
        """The label among its neighbors in the taxonomy, in random order."""
        at = taxonomy.index(label_id)
        near = sorted((i for i in range(len(taxonomy)) if i != at), key=lambda i: (abs(i - at), i))[: OFFERED - 1]
        lines = [f"{taxonomy.labels[i].id} {taxonomy.labels[i].name}" for i in (at, *near)]
        random.Random(_seed(self._plan.seed, problem_id, "offered")).shuffle(lines)  # noqa: S311  an order, not a secret
        return lines

    def _ask(self, system: str, user: str, problem_id: str, what: str, temperature: float | None = None) -> str | None:
        plan = self._plan
        temperature = plan.temperature if temperature is None else temperature
        seed = _seed(plan.seed, problem_id, what)
        return self._model.complete(system, user, seed=seed, temperature=temperature, max_tokens=plan.max_tokens)


def _language(text: str) -> str:
    """Name of a text's language for a prompt."""
    return LANGUAGES.get(language_of(text) or "", "the language of the name of its units")


def _seed(seed: int, problem_id: str, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"augment\0{seed}\0{problem_id}\0{what}".encode()).digest()[:4], "big")
