"""The report of an adapter in use: one HTML file, in Korean and English, that asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Literal

import jinja2
from markupsafe import Markup

from prefopt.inuse.eprocess import FIRST_LOOK
from prefopt.report.wording.say import Say
from prefopt.serve.figures import InUse

WORDS = {
    "report": Say("사용 중 점검 보고서", "Report from use"),
    "answers": Say("답한 문제", "Answers"),
    "review": Say("사람이 검토할 비율", "Sent to review"),
    "words": Say("선생님의 판정", "Teachers' words"),
    "audit": Say("답을 가린 점검", "Blind audit"),
    "labels": Say("분류별 비율", "Shares of labels"),
    "by_day": Say("날짜별", "Day by day"),
    "day": Say("날짜(UTC)", "Day (UTC)"),
    "confidence": Say("평균 확신", "Mean confidence"),
    "coverage": Say("분류 체계에 준 확률", "Probability on the labels"),
    "set_size": Say("후보 수 (평균)", "Labels in a set"),
    "confirmed": Say("맞음", "Confirmed"),
    "corrected": Say("고침", "Corrected"),
    "none_right": Say("맞는 분류 없음", "None is right"),
    "holdout": Say("검증용 문제", "Hold-out"),
    "all": Say("전체", "All"),
    "label": Say("분류", "Label"),
    "in_use": Say("사용 중", "In use"),
    "differ": Say("검증용 문제와 비율이 가장 다른 분류부터", "Those first whose share differs most from the hold-out's"),
    "how": Say(
        "경보는 언제 확인해도 됩니다. 문제가 없는데도 경보가 울릴 확률은 처음부터 끝까지 통틀어 {alpha:.0%} 이하입니다.",
        "These tests may be looked at at any time: the chance of a false alarm, ever, is at most {alpha:.0%}.",
    ),
}


def render(found: InUse, language: Literal["ko", "en"]) -> str:
    """The page as text."""
    style = (resources.files("prefopt.report") / "templates" / "report.css").read_text(encoding="utf-8")
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader("prefopt.serve"), jinja2.PackageLoader("prefopt.report")])
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"share": _share, "number": _number, "day": _day}
    return environment.get_template("in_use.html.j2").render(
        style=Markup(style),  # noqa: S704 our own file, no data in it
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        T=WORDS,
        found=found,
        language=language,
        outcome=tone(found),
        headline=headline(found),
        lead=lead(found),
        audit=audit_sentence(found),
        labels=labels_sentence(found),
        drift=drift_sentence(found),
        how=Say(*(text.format(alpha=found.alpha) for text in WORDS["how"])),
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _day(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def tone(found: InUse) -> str:
    """The outcome whose color the state has."""
    if not found.accepting:
        return "rejected"
    return "held" if found.has_changed or found.is_early else "promoted"


def headline(found: InUse) -> Say:
    """The state in a few words."""
    if not found.accepting:
        return Say("지금은 모든 답을 사람이 검토합니다", "No answer is accepted unread")
    if found.has_changed:
        return Say("들어오는 문제가 달라졌습니다", "The problems have changed")
    if found.is_early:
        return Say("아직 판단하기에 이릅니다", "Too early to say")
    return Say("달라졌다는 증거가 없습니다", "No evidence of a change")


def lead(found: InUse) -> Say:
    """What it means."""
    if not found.accepting:
        return Say(
            '받아들인 답 가운데 틀린 답이 허용한 것보다 많습니다. 원인을 찾은 다음 prefopt serve accept --because "…"로 다시 켭니다.',
            'More of the accepted answers are wrong than was agreed. Find out why, then type prefopt serve accept --because "…".',
        )
    if not found.labels_alarm and found.has_changed:
        return Say(
            "답의 확신이나 후보 수가 검증용 문제와 다릅니다. 검증용 문제로 잰 정확도가 이 문제들에도 맞는지 알 수 없습니다.",
            "Confidence or label sets differ from the hold-out: whether the accuracy measured there holds here is not known.",
        )
    if found.labels_alarm:
        return Say(
            "답으로 나오는 분류의 비율이 검증용 문제와 다릅니다. 검증용 문제로 잰 정확도가 이 문제들에도 맞는지 알 수 없습니다.",
            "Labels come in other shares than on the hold-out: whether the accuracy measured there holds here is not known.",
        )
    if found.is_early:
        return Say(
            f"답을 가리고 점검한 문제가 없고 답이 {FIRST_LOOK}개가 되지 않아, 평가한 것과 같은지 아직 볼 수 없습니다.",
            f"No answer was audited, and there are fewer than {FIRST_LOOK}: nothing shows yet whether the evaluation holds here.",
        )
    return Say(
        "지금까지의 답과 선생님의 판정에서는 평가한 것과 달라졌다고 볼 근거가 없습니다.",
        "Nothing in the answers and the teachers' words so far says that the promises of the evaluation are broken.",
    )


def drift_sentence(found: InUse) -> Say:
    """What the tests of confidence, coverage and set size found."""
    limit, names = 1 / found.alpha, [WORDS[one.of] for one in found.drift]
    evidence = [f"{one.e:.2g}" for one in found.drift]
    ko = ", ".join(f"{name.ko} {e}배" for name, e in zip(names, evidence, strict=True))
    en = ", ".join(f"{name.en.lower()} {e}" for name, e in zip(names, evidence, strict=True))
    return Say(
        f"검증용 문제와 다르다는 증거: {ko} ({limit:.0f}배부터 경보). 같은 문제는 한 번만 셉니다.",
        f"Evidence that they differ from the hold-out: {en}; alarm at {limit:.0f}. A text counts once.",
    )


def audit_sentence(found: InUse) -> Say:
    """What the blind audit found."""
    if not found.audits:
        return Say("답을 가리고 점검한 문제가 아직 없습니다.", "No accepted answer has been audited yet.")
    return Say(
        f"선생님이 답을 보지 않고 판정한 확신한 답 {found.audits}개 가운데 {found.wrong}개가 틀렸습니다. 허용한 오답은 "
        f"{found.agreed_error:.0%}입니다. 증거 {found.audit_e:.2g}배({1 / found.alpha:.0f}배부터 경보).",
        f"{found.audits} confident answers were judged blind, {found.wrong} were wrong; agreed are {found.agreed_error:.0%}. "
        f"Evidence {found.audit_e:.2g}, alarm at {1 / found.alpha:.0f}.",
    )


def labels_sentence(found: InUse) -> Say:
    """What the test of the labels' shares found."""
    limit = 1 / found.alpha
    if not found.labels_e:
        return Say("아직 비교하지 않았습니다. 답이 100개 모이면 처음 비교합니다.", "Not compared yet: the first look is at 100 answers.")
    return Say(f"증거 {found.labels_e:.2g}배({limit:.0f}배부터 경보).", f"Evidence {found.labels_e:.2g}, alarm at {limit:.0f}.")
