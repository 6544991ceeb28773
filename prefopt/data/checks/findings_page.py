"""Render findings as a page of text in Korean or English, or as JSON."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from prefopt.data.checks.check_types import Checked, Finding
from prefopt.data.checks.finding_kinds import KINDS

SHOWN = 3  # places that the page lists for each kind; --json lists all
Language = Literal["ko", "en"]

_WORDS: dict[str, dict[str, str]] = {
    "ko": {
        "head": "문항 {problems}개를 살펴보았습니다. 성취기준이 있는 문항 {labeled}개, 근거가 있는 문항 {reasons}개.",
        "clean": "고칠 것이 없습니다.",
        "found": "고쳐야 할 것 {errors}건, 살펴볼 것 {warnings}건이 있습니다.",
        "error": "고쳐야 할 것",
        "warning": "살펴볼 것",
        "more": "그 밖에 {n}건 (--json에 모두 있습니다)",
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
        "found": "{errors} errors to fix, {warnings} warnings to review.",
        "error": "Errors",
        "warning": "Warnings",
        "more": "and {n} more (--json lists all)",
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


def page(checked: Checked, language: Language) -> str:
    """The whole page, ending in a line break."""
    w, counts = _WORDS[language], checked.counts
    warnings = len(checked.findings) - checked.errors
    lines = [w["head"].format(problems=f"{counts['problems']:,}", labeled=f"{counts['labeled']:,}", reasons=f"{counts['with reason']:,}")]
    lines.append(w["found"].format(errors=f"{checked.errors:,}", warnings=f"{warnings:,}") if checked.findings else w["clean"])
    for severity in ("error", "warning"):
        lines += _section(checked, severity, language)
    lines += ["", *_numbers(counts, w)]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def _section(checked: Checked, severity: str, language: Language) -> Iterator[str]:
    w = _WORDS[language]
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in checked.findings:
        if finding.severity == severity:
            kinds[finding.kind].append(finding)
    if kinds:
        yield f"\n{w[severity]}"
    for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1])):
        yield f"  {len(found):>6,}  {getattr(KINDS[kind], language)}  [{kind}]"
        for finding in found[:SHOWN]:
            other = f" ({w['see'].format(where=_place(*finding.other))})" if finding.other else ""
            detail = getattr(finding.detail, language)
            yield f"          {_place(finding.path, finding.line)}: {detail}{other}"
        if len(found) > SHOWN:
            yield f"          {w['more'].format(n=f'{len(found) - SHOWN:,}')}"


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
    """All findings with severity, file and line, and the counts, for scripts. Details are in English."""
    findings = [
        {
            "kind": f.kind,
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
        "findings": findings,
        **checked.counts,
    }


def _place(path: Path, line: int) -> str:
    """path:line, relative to the working directory where the file is below it."""
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line}"
