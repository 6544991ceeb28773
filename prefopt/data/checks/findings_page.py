"""Render findings as a page of text in Korean or English, or as JSON."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from prefopt.data.checks.accepted import NAME, Group, groups_of
from prefopt.data.checks.check_types import Checked
from prefopt.data.checks.finding_details import with_label_word
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.checks.finding_ways import shown

SHOWN = 3  # places that the page lists for each kind and file, without --all
Language = Literal["ko", "en"]

_WORDS: dict[str, dict[str, str]] = {
    "ko": {
        "head": "문항 {problems}개를 살펴보았습니다. 성취기준이 있는 문항 {labeled}개, 근거가 있는 문항 {reasons}개.",
        "clean": "고칠 것이 없습니다.",
        "found": "고쳐야 할 것 {errors}건{error_kinds}, 살펴볼 것 {warnings}건{warning_kinds}이 있습니다.",
        "kinds": "({n}가지)",
        "leave": ". 그대로 두기: --accept {id}",
        "end": ".",
        "error": "고쳐야 할 것",
        "warning": "살펴볼 것",
        "more": "그 밖에 {n}건 (--all로 모두 봅니다)",
        "accept": '그대로 두기로 한 것은 같은 명령에 덧붙여 받아들입니다. 까닭도 적어 둘 수 있습니다: --accept {id} --because "까닭"',
        "accepted": "받아들인 것 {n}건이 있습니다({path}).",
        "outdated": "받아들였으나 이제는 없는 것: {id}({file}, {on}). {path}에서 지워도 됩니다.",
        "shape": "{path}: {shape}의 행입니다.",
        "labels": "성취기준은 {used}개가 쓰였고, 하나에 문항 {least}~{most}개(가운데 값 {median}개)입니다.",
        "held": "평가용으로 떼어 두는 문항은 {held}개입니다.",
        "tokens": "가장 긴 행은 {longest}토큰입니다(허용 {limit}, 토크나이저 {name}). 문제 {prompts}토큰, 답 {answers}토큰.",
        "cost": "학습 한 번: {rows}행 × {epochs}회 = {steps}단계, {tokens}토큰. 메모리는 가중치와 LoRA만으로 {memory} GiB가 필요합니다.",
        "on": "  {machine}: {low}~{high}시간{price}{fit}",
        "nofit": " (가중치가 들어가지 않음)",
        "here": "이 컴퓨터",
        "price": ", {low}~{high}",
        "tariff": "토큰 요금으로는 {price}입니다.",
        "assumed": "시간은 계산값입니다: 최고 속도의 {low}~{high}%를 낸다고 보았습니다.",
        "see": "먼저 나온 곳: {where}",
    },
    "en": {
        "head": "{problems} problems: {labeled} with a label, {reasons} with a reason.",
        "clean": "No findings.",
        "found": "{errors} errors to fix{error_kinds}, {warnings} warnings to review{warning_kinds}.",
        "kinds": " ({n} kinds)",
        "leave": "; to leave it as it is: --accept {id}",
        "end": "",
        "error": "Errors",
        "warning": "Warnings",
        "more": "and {n} more (--all lists them)",
        "accept": 'To accept a finding, add its option to the same command, and say why: --accept {id} --because "why"',
        "accepted": "{n} accepted findings are not listed ({path}).",
        "outdated": "Accepted and no longer found: {id} ({file}, {on}). You can delete it from {path}.",
        "shape": "{path}: rows of {shape}.",
        "labels": "{used} labels are used, with {least} to {most} problems each (median {median}).",
        "held": "{held} problems are held out.",
        "tokens": "The longest row has {longest} tokens (limit {limit}, tokenizer {name}); problems {prompts} tokens, answers {answers}.",
        "cost": "One SFT run: {rows} rows × {epochs} epochs = {steps} steps, {tokens} tokens. Least memory: {memory} GiB.",
        "on": "  {machine}: {low} to {high} h{price}{fit}",
        "nofit": " (the weights do not fit)",
        "here": "this machine",
        "price": ", {low} to {high}",
        "tariff": "At the price per token: {price}.",
        "assumed": "Hours are computed, not measured: {low} to {high} % of the peak speed.",
        "see": "first at {where}",
    },
}


def page(checked: Checked, language: Language, *, everything: bool = False, record: Path | None = None) -> str:
    """The whole page, ending in a line break.

    Args:
        checked: what was found.
        language: of the page.
        everything: list every place, instead of the first SHOWN of each kind and file.
        record: file of the acceptances.
    """
    w = {name: with_label_word(text, checked.label_word) for name, text in _WORDS[language].items()}
    counts = checked.counts
    lines = [w["head"].format(problems=f"{counts['problems']:,}", labeled=f"{counts['labeled']:,}", reasons=f"{counts['with reason']:,}")]
    groups = groups_of(checked.findings)
    lines.append(_found(checked, groups, w) if groups else w["clean"])
    if checked.accepted:
        lines.append(w["accepted"].format(n=f"{len(checked.accepted):,}", path=_shown(record)))
    lines += [w["outdated"].format(id=a.id, file=a.file, on=a.on, path=_shown(record)) for a in checked.outdated]
    for severity in ("error", "warning"):
        members = [g for g in groups if g.severity == severity]
        lines += [f"\n{w[severity]}"] if members else []
        for group in members:
            lines += _group(group, language, checked.label_word, everything)
    acceptable = [g for g in groups if g.may_be_accepted]
    lines += ["", w["accept"].format(id=acceptable[-1].id)] if acceptable else []
    lines += ["", *_numbers(counts, w)]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def _found(checked: Checked, groups: list[Group], w: dict[str, str]) -> str:
    """The sentence with the counts of findings and of their kinds."""
    kinds = [{g.kind for g in groups if g.severity == severity} for severity in ("error", "warning")]
    shown = [w["kinds"].format(n=len(found)) if len(found) > 1 else "" for found in kinds]
    warnings = len(checked.findings) - checked.errors
    text = w["found"].format(errors=f"{checked.errors:,}", warnings=f"{warnings:,}", error_kinds=shown[0], warning_kinds=shown[1])
    return re.sub(r"\b1 (error|warning)s\b", r"1 \1", text)


def _group(group: Group, language: Language, label_word: str, everything: bool) -> Iterator[str]:
    w, found = _WORDS[language], group.findings
    title = with_label_word(getattr(KINDS[group.kind], language), label_word)
    yield f"  {len(found):>6,}  {title}  [{group.kind}]"
    for finding in found if everything else found[:SHOWN]:
        other = f" ({w['see'].format(where=_place(*finding.other))})" if finding.other else ""
        detail = finding.detail.korean(label_word) if language == "ko" else finding.detail.en
        yield f"          {_place(finding.path, finding.line)}: {detail}{other}"
    if len(found) > SHOWN and not everything:
        yield f"          {w['more'].format(n=f'{len(found) - SHOWN:,}')}"
    leave = w["leave"].format(id=group.id) if group.may_be_accepted else w["end"]
    yield f"          → {with_label_word(group.way_on(language), label_word)}{leave}"


def _numbers(counts: dict[str, Any], w: dict[str, str]) -> Iterator[str]:
    for file in counts["files"]:
        if file["shape"] != "problems":
            yield w["shape"].format(**file)
    if per := counts.get("problems per label"):
        yield w["labels"].format(used=counts["labels used"], least=per["least"], most=per["most"], median=f"{per['median']:g}")
    if "held out" in counts:
        yield w["held"].format(held=f"{counts['held out']:,}")
    if t := counts.get("tokens"):
        shown = {key: f"{t[key]:,}" for key in ("longest", "limit", "prompts", "answers")}
        yield w["tokens"].format(name=t["tokenizer"], **shown)
    if cost := counts.get("cost"):
        yield from _cost(cost, w)


def _cost(cost: dict[str, Any], w: dict[str, str]) -> Iterator[str]:
    from prefopt.data.checks.training_cost import HIGH, LOW

    counts = {"rows": f"{cost['rows']:,}", "epochs": f"{cost['epochs']:g}", "steps": f"{cost['steps']:,}"}
    yield w["cost"].format(tokens=f"{cost['trained tokens']:,}", memory=cost["least memory GiB"], **counts)
    here = {"machine": w["here"], "weights fit": True, **cost["this machine"]}
    for row in (here, *cost["machines"]):
        price = w["price"].format(low=row["price"][0], high=row["price"][1]) if "price" in row else ""
        low, high = (f"{h:.2g}" if h < 10 else f"{h:,.0f}" for h in row["hours"])
        yield w["on"].format(machine=row["machine"], low=low, high=high, price=price, fit="" if row["weights fit"] else w["nofit"])
    if "price by tokens" in cost:
        yield w["tariff"].format(price=cost["price by tokens"])
    yield w["assumed"].format(low=f"{LOW:.0%}".rstrip("%"), high=f"{HIGH:.0%}".rstrip("%"))


def as_json(checked: Checked) -> dict[str, Any]:
    """All findings with severity, file and line, their groups with a way on, and the counts, for scripts. Details are in English."""
    groups = groups_of(checked.findings)
    id_of = {(g.kind, g.path): g.id for g in groups}
    findings = [
        {
            "kind": f.kind,
            "id": id_of[f.kind, f.path],
            "severity": f.severity,
            "path": os.fspath(f.path),
            "line": f.line,
            "detail": f.detail.en,
            **({"other": {"path": os.fspath(f.other[0]), "line": f.other[1]}} if f.other else {}),
        }
        for f in checked.findings
    ]
    kinds = Counter(finding.kind for finding in checked.findings)
    return {
        "errors": checked.errors,
        "warnings": len(findings) - checked.errors,
        "kinds": dict(kinds),
        "groups": [
            {
                "id": g.id,
                "kind": g.kind,
                "severity": g.severity,
                "path": os.fspath(g.path),
                "count": len(g.findings),
                "may be accepted": g.may_be_accepted,
                "way on": g.way_on("en"),
            }
            for g in groups
        ],
        "findings": findings,
        "accepted": [{"kind": f.kind, "path": os.fspath(f.path), "line": f.line, "detail": f.detail.en} for f in checked.accepted],
        "accepted and no longer found": [a.model_dump(mode="json", exclude={"rows"}) for a in checked.outdated],
        **checked.counts,
    }


def _place(path: Path, line: int) -> str:
    """path:line, relative to the working directory where the file is below it."""
    return f"{shown(path)}:{line}"


def _shown(record: Path | None) -> str:
    return NAME if record is None else shown(record)
