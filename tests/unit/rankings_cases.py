"""Slates and answers for the tests of prefopt/rankings: cards named by their labels, in the order A, B, C."""

from __future__ import annotations

from prefopt.rankings.summary import TeachersSummary, summarize
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy


def slate(
    name: str, labels: str = "abc", *, order: tuple[int, ...] | None = None, gold: str | None = None, again: str | None = None
) -> Slate:
    cards = tuple(Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=0.5 / (1 + i), adapter="0") for i, x in enumerate(labels))
    return Slate(
        id=name,
        problem=Problem(id=f"p-{again or name}", text=f"problem {again or name}", label=gold),
        candidates=cards,
        order=order or tuple(range(len(labels))),
        purpose="gold" if gold else "repeat" if again else "margin",
        top2_gap=0.1,
        repeat_of=again,
    )


def ranked(name: str, teacher: str, ranks: str, labels: str = "abc", **more: object) -> Ranking:
    """`ranks`: one digit a card, in the order of the labels."""
    given = {f"{name}-{x}": int(rank) for x, rank in zip(labels, ranks, strict=True)}
    return Ranking.model_validate({"slate_id": name, "teacher": teacher, "kind": "ranked", "ranks": given, **more})


def none_right(name: str, teacher: str, label: str | None = None) -> Ranking:
    return Ranking(slate_id=name, teacher=teacher, kind="none_right", right_label=label)


def discarded(name: str, teacher: str) -> Ranking:
    return Ranking(slate_id=name, teacher=teacher, kind="discarded")


def disputed_summary(name: str, text: str, comment: str) -> TeachersSummary:
    """Two teachers who chose different labels on one slate, with these words as name, problem and comment."""
    one = slate("s")
    one = one.model_copy(update={"problem": one.problem.model_copy(update={"text": text})})
    given = [ranked("s", name, "123", comment=comment), ranked("s", "lee", "321")]
    return summarize([one], given, parse_taxonomy("code,name,domain\na,A,x\nb,B,x\nc,C,x\n", source="t.csv"))
