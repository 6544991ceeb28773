"""`prefopt data generate`: problems of any standards with computed answers, without repeats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.io.files import write_text
from prefopt.project.near_duplicates import links
from prefopt.readers.problem_rows import row_of
from prefopt.taxonomy import builtin_taxonomy

if TYPE_CHECKING:
    from prefopt.curricula.generator.problem_generator import Generated

ROUNDS = 20  # limit on drawing repeats again


def standards_of(text: str) -> tuple[str, ...]:
    """Parse "all", or a list of codes and prefixes of codes: 2수01-06,6수03,9수.

    Raises:
        ConfigError: an entry that is not a prefix of any standard.
    """
    from prefopt.curricula.generator.problem_generator import covered_codes

    if text == "all":
        return covered_codes()
    codes: dict[str, None] = {}
    for part in filter(None, (p.strip().strip("[]") for p in text.split(","))):
        matching = [code for code in covered_codes() if code[1:].startswith(part)]
        if not matching:
            near = builtin_taxonomy().nearest(part)
            raise ConfigError(
                f"--standards {part!r}: no standard starts with this",
                hint=f"did you mean {', '.join(near)}?" if near else "all, 2수, 6수03 or 2수01-06",
            )
        codes |= dict.fromkeys(matching)
    return tuple(codes)


def draw_different(codes: Sequence[str], per_standard: int, seed: int, pairs: int = 0) -> list[Generated]:
    """Draw problems, and replace those that repeat an earlier one: equal up to spelling, or similar and of another family.

    Args:
        codes: standards.
        per_standard: problems of each.
        seed: of all random choices.
        pairs: near-miss pairs to add.

    Raises:
        DataError: a standard has too few different texts.
    """
    from prefopt.curricula.generator.near_misses import near_misses
    from prefopt.curricula.generator.problem_generator import generate_with_answers

    wanted = dict.fromkeys(codes, per_standard)
    extra = 0
    dropped: set[str] = set()
    for _ in range(ROUNDS):
        drawn = [g for code, count in wanted.items() for g in generate_with_answers(count, seed, [code])]
        drawn = [g for g in [*drawn, *near_misses(pairs + extra, seed)] if g.problem.id not in dropped]
        repeats = _repeats(drawn)
        if not repeats:
            return drawn
        for g in repeats:
            near_miss = g.problem.family is not None and g.problem.family.startswith("near-miss/")
            dropped |= {g.problem.id[:-1] + letter for letter in "ab"} if near_miss else {g.problem.id}
            if not near_miss and g.problem.label is not None:
                wanted[g.problem.label] += 1
        extra = len({i[:-1] for i in dropped if i.startswith("near-")})
    raise DataError(f"some problems still repeat others after {ROUNDS} draws", hint="ask for fewer problems per standard")


def _repeats(drawn: Sequence[Generated]) -> list[Generated]:
    repeats = []
    for link in links([g.problem.text for g in drawn]):
        earlier, later = drawn[link.earlier], drawn[link.later]
        if link.similarity == 1.0 or earlier.problem.family != later.problem.family:
            repeats.append(later)
    return repeats


def generate_file(
    out: Path, codes: Sequence[str], per_standard: int, seed: int, *, pairs: int = 0, answers: Path | None = None
) -> dict[str, Any]:
    """Write generated problems.

    Args:
        out: its suffix selects the kind of file.
        codes: standards.
        per_standard: problems of each.
        seed: of all random choices.
        pairs: near-miss pairs added at the end.
        answers: JSONL file for id and answer, which problems do not contain.

    Returns:
        {"problems", "standards", "families", "pairs"}.

    Raises:
        DataError: a standard has too few different texts, or the file cannot be written.
    """
    drawn = draw_different(codes, per_standard, seed, pairs)
    count = write_rows_to(out, (row_of(g.problem) for g in drawn))
    if answers is not None:
        rows = [{"id": g.problem.id, "answer": g.answer} for g in drawn]
        write_text(answers, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return {"problems": count, "standards": len(codes), "families": len({g.problem.family for g in drawn}), "pairs": pairs}
