"""Find labels with too few or too many problems, and hold-outs that cannot judge what was trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from prefopt.data.checks.check_types import Entry, Finding, Part
from prefopt.data.checks.finding_details import detail
from prefopt.data.checks.holdout_checks import Use

MAX_RATIO = 10  # a label with more than this many times the median is imbalanced …
MIN_FREQUENT = 20  # … where it has at least this many problems
MIN_HOLDOUT = 10


def balance_findings(
    entries: list[Entry], parts: list[Part], of: Sequence[Use], has_holdout: bool, counts: dict[str, Any]
) -> Iterator[Finding]:
    """Rare and frequent labels, and faults of the hold-out.

    Args:
        entries: of all files. Only those of gold and hold-out count, without what the split leaves out.
        parts: the files.
        of: what each entry is for.
        has_holdout: whether problems are held out, by the split or in a file.
        counts: "labels used", "problems per label" and "held out" are added.
    """
    counted = [
        (e, use) for e, use in zip(entries, of, strict=True)
        if e.label is not None and parts[e.part].role in ("gold", "holdout") and use in ("train", "holdout")
    ]  # fmt: skip
    labeled = [e for e, _ in counted]
    if not labeled:
        return
    per_label = Counter(e.label for e in labeled)
    middle = median(per_label.values())
    counts["labels used"] = len(per_label)
    counts["problems per label"] = {"least": min(per_label.values()), "median": middle, "most": max(per_label.values())}
    for entry in {e.label: e for e in reversed(labeled)}.values():  # the first entry of each label
        count, path = per_label[entry.label], parts[entry.part].path
        if count == 1:
            yield Finding("label-rare", path, entry.line, detail("one problem", label=entry.label, id=entry.id))
        if count >= MIN_FREQUENT and count > MAX_RATIO * middle:
            yield Finding("imbalance", path, entry.line, detail("many problems", label=entry.label, count=count, median=middle))
    if has_holdout:
        yield from _holdout_findings(counted, parts, counts)


def _holdout_findings(counted: Sequence[tuple[Entry, Use]], parts: list[Part], counts: dict[str, Any]) -> Iterator[Finding]:
    held = [e for e, use in counted if use == "holdout"]
    counts["held out"] = len(held)
    trained = {e.label for e, use in counted if use == "train"}
    if len(held) < MIN_HOLDOUT:
        first = held[0] if held else counted[0][0]
        what = detail("small hold-out", count=len(held), needed=MIN_HOLDOUT)
        yield Finding("holdout-small", parts[first.part].path, first.line, what)
    for entry in {e.label: e for e in reversed(held)}.values():
        if entry.label not in trained:
            yield Finding("holdout-unseen", parts[entry.part].path, entry.line, detail("never trained", label=entry.label))
