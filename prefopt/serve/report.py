"""The report of an adapter in use: one HTML file, in Korean and English, that asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Literal

import jinja2
from markupsafe import Markup

from prefopt.report.wording.say import Say
from prefopt.serve.figures import InUse

WORDS = {
    "report": Say("쓰는 동안의 보고서", "Report from use"),
    "answers": Say("답한 문항", "Answers"),
    "review": Say("사람이 볼 몫", "Sent to review"),
    "words": Say("선생님의 말", "Teachers' words"),
    "audit": Say("가려서 본 답", "Blind audit"),
    "labels": Say("성취기준의 몫", "Shares of labels"),
    "by_day": Say("날마다", "Day by day"),
    "day": Say("날(UTC)", "Day (UTC)"),
    "confidence": Say("평균 확신", "Mean confidence"),
    "coverage": Say("분류 안에 든 확률", "Probability on the labels"),
    "set_size": Say("집합의 크기", "Labels in a set"),
    "confirmed": Say("맞다", "Confirmed"),
    "corrected": Say("고침", "Corrected"),
    "none_right": Say("맞는 것이 없다", "None is right"),
    "holdout": Say("평가용 문항", "Hold-out"),
    "all": Say("모두", "All"),
    "label": Say("분류", "Label"),
    "in_use": Say("쓰는 동안", "In use"),
    "differ": Say("평가용 문항과 몫이 가장 다른 분류부터", "Those first whose share differs most from the hold-out's"),
    "how": Say(
        "이 검정은 언제 보아도 됩니다. 참일 때 잘못 울릴 확률은 처음부터 끝까지 {alpha:.0%} 이하입니다.",
        "These tests may be looked at at any time: the chance of a false alarm, ever, is at most {alpha:.0%}.",
    ),
}


def render(found: InUse, language: Literal["ko", "en"]) -> str:
    """The page as text."""
    style = (resources.files("prefopt.report") / "templates" / "report.css").read_text(encoding="utf-8")
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader("prefopt.serve"), jinja2.PackageLoader("prefopt.report")])
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("in_use.html.j2").render(
        style=Markup(style),  # noqa: S704 our own file, no data in it
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        T=WORDS,
        found=found,
        language=language,
        outcome="promoted" if found.accepting and not found.labels_alarm else "held" if found.accepting else "rejected",
        headline=headline(found),
        lead=lead(found),
        audit=audit_sentence(found),
        labels=labels_sentence(found),
        how=Say(*(text.format(alpha=found.alpha) for text in WORDS["how"])),
    )


def headline(found: InUse) -> Say:
    """The state in a few words."""
    if not found.accepting:
        return Say("아무 답도 그대로 받아들이지 않습니다", "No answer is accepted unread")
    if found.labels_alarm:
        return Say("문항이 달라졌습니다", "The problems have changed")
    return Say("달라진 증거가 없습니다", "No evidence of a change")


def lead(found: InUse) -> Say:
    """What it means."""
    if not found.accepting:
        return Say(
            "받아들인 답 가운데 틀린 것이 약속보다 많습니다. 까닭을 찾은 다음 prefopt serve accept로 다시 켭니다.",
            "More of the accepted answers are wrong than was agreed. Find out why, then type prefopt serve accept.",
        )
    if found.labels_alarm:
        return Say(
            "답으로 나오는 성취기준의 몫이 평가용 문항과 다릅니다. 평가한 정확도가 이 문항들에도 맞는지 알 수 없습니다.",
            "Labels come in other shares than on the hold-out: whether the accuracy measured there holds here is not known.",
        )
    return Say(
        "지금까지의 답과 선생님의 말에서는 평가 때의 약속이 깨졌다고 볼 근거가 없습니다.",
        "Nothing in the answers and the teachers' words so far says that the promises of the evaluation are broken.",
    )


def audit_sentence(found: InUse) -> Say:
    """What the blind audit found."""
    if not found.audits:
        return Say("아직 가려서 본 답이 없습니다.", "No accepted answer has been audited yet.")
    return Say(
        f"받아들일 답 {found.audits}개를 보지 않고 판단했고 {found.wrong}개가 틀렸습니다. 약속은 {found.agreed_error:.0%}. "
        f"증거 {found.audit_e:.2g}배(경보 {1 / found.alpha:.0f}배).",
        f"{found.audits} confident answers were judged blind, {found.wrong} were wrong; agreed are {found.agreed_error:.0%}. "
        f"Evidence {found.audit_e:.2g}, alarm at {1 / found.alpha:.0f}.",
    )


def labels_sentence(found: InUse) -> Say:
    """What the test of the labels' shares found."""
    limit = 1 / found.alpha
    if not found.labels_e:
        return Say("아직 견주지 않았습니다. 답이 100개 모이면 처음으로 견줍니다.", "Not compared yet: the first look is at 100 answers.")
    return Say(f"증거 {found.labels_e:.2g}배(경보 {limit:.0f}배).", f"Evidence {found.labels_e:.2g}, alarm at {limit:.0f}.")
