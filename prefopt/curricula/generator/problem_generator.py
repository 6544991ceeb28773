"""Generate Korean mathematics problems with standard, answer and reason, for the demo, the tests and the tiny model.

The same seed gives the same problems; a problem does not depend on which other standards are requested.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from prefopt.curricula.generator.drafting import Draw, Family, polish
from prefopt.curricula.generator.families import all_families
from prefopt.errors import DataError
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy, builtin_taxonomy
from prefopt.texts.josa import resolve

_TRIES = 60  # draws of a wording without a new text, after which it is exhausted

_CONCLUSIONS = (
    "따라서 이 문제는 {name}에 해당한다.",
    "그러므로 이 문제의 성취기준은 {name}[이다/다].",
    "이는 {name}[을/를] 다루는 문제이다.",
)


@dataclass(frozen=True)
class Generated:
    """A problem with its computed answer, the solution in one line, and the evidence for its label."""

    problem: Problem
    answer: str
    steps: str
    why: str


def covered_codes() -> tuple[str, ...]:
    """The labels with a family of problems, in the order of the curriculum: the 181 standards of grades 1 to 9."""
    return tuple(_families_by_code())


def generate(per_standard: int, seed: int, codes: Sequence[str] | None = None) -> list[Problem]:
    """Draw labeled problems: `per_standard` of each covered standard, or of the given ones.

    Args:
        per_standard: problems of each; wordings alternate, so that all occur.
        seed: of all random choices; ids contain it.
        codes: labels, e.g. "[2수01-06]", any of `covered_codes`; None: all of them.

    Raises:
        DataError: a code without a family, or a standard with too few different texts.
    """
    return [generated.problem for generated in generate_with_answers(per_standard, seed, codes)]


def generate_with_answers(per_standard: int, seed: int, codes: Sequence[str] | None = None) -> list[Generated]:
    """As `generate`, with the answer, solution and evidence of each problem."""
    families, taxonomy = _families_by_code(), builtin_taxonomy()
    drawn: list[Generated] = []
    for code in covered_codes() if codes is None else codes:
        if code not in families:
            raise DataError(
                f"no family of problems for {code}",
                hint="prefopt.curricula.generator.problem_generator.covered_codes() names the standards that have one",
            )
        drawn += _of_standard(code, families[code], taxonomy, per_standard, seed)
    return drawn


@lru_cache(maxsize=1)
def _families_by_code() -> dict[str, list[Family]]:
    families = all_families()
    known = builtin_taxonomy().ids
    return {code: mine for code in known if (mine := [f for f in families if f"[{f.code}]" == code])}


def _of_standard(code: str, families: list[Family], taxonomy: Taxonomy, count: int, seed: int) -> list[Generated]:
    rng = random.Random(f"{seed}:{code}")  # noqa: S311  random problems, not secrets
    texts: set[str] = set()
    problems: list[Generated] = []
    turns: list[tuple[Family, int]] = []
    exhausted: set[tuple[str, int]] = set()
    while len(problems) < count:
        turns = turns or [(f, i) for f, i in _turns(families, rng) if (f.name, i) not in exhausted]
        if not turns:
            raise DataError(
                f"{code} has only {len(problems)} different problems, {count} are requested", hint="ask for fewer problems per standard"
            )
        family, wording = turns.pop()
        for _ in range(_TRIES):
            one = _draw(family, wording, taxonomy, f"{family.code}-s{seed}-{len(problems):04d}", rng)
            if one.problem.text not in texts:
                texts.add(one.problem.text)
                problems.append(one)
                break
        else:
            exhausted.add((family.name, wording))
    return problems


def _turns(families: list[Family], rng: random.Random) -> list[tuple[Family, int]]:
    """Every wording of every family once, in random order."""
    turns = [(f, i) for f in families for i in range(len(f.draw(Draw(random.Random(0))).texts))]  # noqa: S311  only counts wordings
    rng.shuffle(turns)
    return turns


def _draw(family: Family, wording: int, taxonomy: Taxonomy, problem_id: str, rng: random.Random) -> Generated:
    draft = family.draw(Draw(rng))
    label = taxonomy[f"[{family.code}]"]
    chosen = draft.texts[wording]
    text, answer = (chosen, draft.answer) if isinstance(chosen, str) else chosen
    why = resolve(draft.why)
    conclusion = resolve(rng.choice(_CONCLUSIONS).format(name=label.name))
    problem = Problem(
        id=problem_id,
        text=polish(text, rng),
        label=label.id,
        reason=f"{why} {conclusion}",
        level=level_of(draft.difficulty, label.levels),
        difficulty=draft.difficulty,
        concepts=family.concepts,
        family=f"{family.code}/{family.name}-{wording + 1}",
    )
    return Generated(problem, resolve(answer), resolve(draft.steps), why)


def level_of(difficulty: int, levels: Sequence[str]) -> str:
    """The achievement level of a difficulty from 1 to 5; A is the highest. With three levels: 1-2 C, 3 B, 4-5 A."""
    if len(levels) == 5:
        return levels[5 - difficulty]
    return levels[0 if difficulty >= 4 else 1 if difficulty == 3 else 2]
