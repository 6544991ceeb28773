"""Pretraining data of the tiny model: Harmony conversations about generated problems and about the curriculum.

The model learns Korean problems with their concepts, units and solutions, the names of codes, and to give a reason for any label. It never
sees a problem answered with its code: that is left to the SFT of the demo.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefopt.config import INSTRUCTIONS_KO
from prefopt.curricula.generator.problem_generator import Generated
from prefopt.curricula.generator.textbook_units import units
from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.josa import attach

SYSTEM = (
    "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\nCurrent date: 2026-01-01\n\n"
    "Reasoning: {effort}\n\n# Valid channels: analysis, commentary, final. Channel must be included for every message."
)
TUTOR_KO = "수학을 배우는 학생의 물음에 짧게 답한다."
EXPLAIN_KO = "이 문제를 {label.id} {label.name}(으)로 분류하는 까닭을 두세 문장으로 설명하라."

Turn = tuple[str, str, str]
"""Question, analysis ("" for none), final answer."""


@dataclass(frozen=True)
class Conversation:
    """Instructions for the developer message, reasoning effort, and turns."""

    instructions: str
    effort: str
    turns: tuple[Turn, ...]

    def messages(self) -> Iterator[tuple[str, str, str, str]]:
        """Role, channel, content and closing token of each message; only the last is closed by <|return|>."""
        yield "system", "", SYSTEM.format(effort=self.effort), "<|end|>"
        yield "developer", "", f"# Instructions\n\n{self.instructions}", "<|end|>"
        for number, (question, analysis, final) in enumerate(self.turns, 1):
            yield "user", "", question, "<|end|>"
            if analysis:
                yield "assistant", "analysis", analysis, "<|end|>"
            yield "assistant", "final", final, "<|return|>" if number == len(self.turns) else "<|end|>"


def about_problem(generated: Generated, taxonomy: Taxonomy, rng: random.Random) -> Conversation:
    """Five questions about a problem without reasoning, or one or two with reasoning in the analysis channel."""
    problem, label = generated.problem, taxonomy[str(generated.problem.label)]
    concepts = ", ".join(problem.concepts)
    questions: list[Turn] = [
        ("이 문제에 쓰이는 개념은?", "", concepts),
        ("이 문제의 단원은?", "", units()[label.id]),
        ("무엇을 보고 아는가?", "", generated.why),
        ("풀이를 쓰라.", "", generated.steps),
        ("답은?", "", generated.answer),
        ("어느 영역의 문제인가?", "", f"{label.groups[1]}"),
        ("몇 학년의 문제인가?", "", f"{label.groups[0]}"),
        ("무엇을 배우는 문제인가?", "", label.name),
        ("난이도와 수준은?", "", f"난이도 {problem.difficulty}, 수준 {problem.level}"),
    ]
    chosen = rng.sample(questions, 5)
    effort = rng.choice(["low", "low", "medium", "high"])
    if effort != "low":
        chosen = [("답은?", generated.steps, generated.answer), ("개념은?", generated.why, concepts)][: rng.randint(1, 2)]
        rng.shuffle(chosen)
    first = (f"{problem.text}\n\n{chosen[0][0]}", *chosen[0][1:])
    return Conversation(TUTOR_KO, effort, (first, *chosen[1:]))


def explaining(generated: Generated, label: Label, concepts: Sequence[str], rng: random.Random) -> Conversation:
    """A request to explain a label: for the correct one the problem's own reason, for another one a reason from its concepts."""
    question = f"{generated.problem.text}\n\n{EXPLAIN_KO.format(label=label)}"
    reason = str(generated.problem.reason) if label.id == generated.problem.label else arguing(label, concepts, rng)
    return Conversation(INSTRUCTIONS_KO, "low", ((question, "", reason),))


def arguing(label: Label, concepts: Sequence[str], rng: random.Random) -> str:
    """A reason for a label that uses its concepts alone."""
    first = concepts[0]
    second = concepts[1] if len(concepts) > 1 else units()[label.id]
    evidence = rng.choice(
        (
            f"이 문제를 풀 때 {attach(first, '과/와')} {attach(second, '을/를')} 쓴다.",
            f"문제에 {attach(first, '이/가')} 나타나고 {attach(second, '을/를')} 이용하여 푼다.",
            f"{attach(first, '을/를')} 바탕으로 {attach(second, '을/를')} 다룬다.",
        )
    )
    end = rng.choice(
        (
            f"따라서 이 문제는 {label.name}에 해당한다.",
            f"그러므로 이 문제의 성취기준은 {attach(label.name, '이다/다')}.",
            f"이는 {attach(label.name, '을/를')} 다루는 문제이다.",
        )
    )
    return f"{evidence} {end}"


def about_labels(labels: Sequence[Label], concepts: dict[str, tuple[str, ...]], rng: random.Random) -> Conversation:
    """Questions about labels: code and name in both directions, unit, grade band, domain, concepts."""
    turns: list[Turn] = []
    for label in labels:
        facts: list[Turn] = [
            (f"{label.id}의 이름은?", "", label.name),
            (f"'{label.name}'의 코드는?", "", label.id),
            (f"{label.id}의 단원은?", "", units()[label.id]),
            (f"'{label.name}'의 단원은?", "", units()[label.id]),
            (f"{label.id}의 영역은?", "", label.groups[1]),
            (f"{label.id}의 학년은?", "", label.groups[0]),
        ]
        if label.id in concepts:
            listed = ", ".join(concepts[label.id])
            facts += [(f"{label.id}에 쓰이는 개념은?", "", listed), (f"{listed} 개념을 쓰는 성취기준의 코드는?", "", label.id)]
        turns += rng.sample(facts, 2)
    return Conversation(TUTOR_KO, "low", tuple(turns))


def as_json(generated: Generated, label: Label) -> Conversation:
    """A request to write a classification as JSON from its parts. The problem itself is not shown."""
    problem = generated.problem
    parts = f"{label.name}, 수준 {problem.level}, 난이도 {problem.difficulty}, 개념 {', '.join(problem.concepts)}"
    concepts = ",".join(f'"{c}"' for c in problem.concepts)
    written = f'{{"standard":"{label.id}","level":"{problem.level}","difficulty":{problem.difficulty},"concepts":[{concepts}]}}'
    return Conversation(INSTRUCTIONS_KO, "low", ((f"{parts}\n\nJSON으로 쓰라.", "", written),))


def conversations(problems: Sequence[Generated], taxonomy: Taxonomy, seed: int) -> list[Conversation]:
    """A conversation about each problem, a reason for two of three, and JSON and curriculum questions in between; shuffled."""
    rng = random.Random(seed)  # noqa: S311  chance for training data
    concepts = {str(g.problem.label): g.problem.concepts for g in problems}
    covered = [taxonomy[code] for code in concepts]
    drawn: list[Conversation] = []
    for number, generated in enumerate(problems):
        drawn.append(about_problem(generated, taxonomy, rng))
        if number % 3:
            label = _label_to_explain(generated, covered, taxonomy, rng)
            drawn.append(explaining(generated, label, concepts[label.id], rng))
        if number % 3 == 0:
            drawn.append(as_json(generated, taxonomy[str(generated.problem.label)]))
        if number % 6 == 0:
            drawn.append(about_labels(rng.sample(taxonomy.labels, 4), concepts, rng))
    rng.shuffle(drawn)
    return drawn


def _label_to_explain(generated: Generated, covered: Sequence[Label], taxonomy: Taxonomy, rng: random.Random) -> Label:
    """The correct label for half of the reasons, a neighbor of the same cell for a third, any other for the rest."""
    right = taxonomy[str(generated.problem.label)]
    chance = rng.random()
    if chance < 0.5:
        return right
    cell = [label for label in covered if label.groups == right.groups and label != right]
    return rng.choice(cell) if cell and chance < 0.85 else rng.choice(list(covered))
