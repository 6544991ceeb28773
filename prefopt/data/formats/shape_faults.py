"""Faults of conversations and preferences: a kind of finding and its wording in both languages.

`prefopt data check` turns each into a finding, `prefopt data convert` stops at the first one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_WORDINGS: dict[str, tuple[str, str]] = {
    "key unknown": ("unknown key {key!r}; known: {known}", "모르는 키 {key!r}; 아는 키: {known}"),
    "key missing": ("key {key!r} is missing", "없는 키: {key!r}"),
    "not messages": ("{where} is not a list of messages", "{where}이(가) 메시지 목록이 아님"),
    "no messages": ("{where} has no message", "{where}에 메시지가 없음"),
    "not object": ("{where} is not an object", "{where}이(가) 객체가 아님"),
    "not text": ("{where} is not a text", "{where}이(가) 글이 아님"),
    "not boolean": ("{where} is {found}, not true or false", "{where}: {found}, true나 false가 아님"),
    "not JSON": ("{where} is not JSON", "{where}이(가) JSON이 아님"),
    "texts and messages": ("{where}: a text beside lists of messages", "{where}: 글과 메시지 목록이 섞임"),
    "role": ("{where}.role is {role!r}; known: {known}", "{where}.role: {role!r}; 아는 역할: {known}"),
    "role elsewhere": ("{shape} has no role {role!r}", "{shape}에 없는 역할 {role!r}"),
    "no field": ("{shape} has no field for the {name} of a message", "{shape}에 메시지의 {name} 자리가 없음"),
    "instruction roles": (
        "this shape takes one message each of user and assistant, with or without one of system before them",
        "이 모양은 user와 assistant의 메시지 하나씩이고, 앞에 system의 메시지 하나가 있을 수 있음",
    ),
    "empty": ("{where} is empty", "{where}이(가) 비었음"),
    "part": ("{where} is a part of type {found!r}; a classification reads text", "{where}: {found!r} 조각, 분류는 글만 읽음"),
    "part without type": ("{where} is not a part with a type and a text", "{where}이(가) type과 text가 있는 조각이 아님"),
    "name": ("{where}.name is not a text of 1 to 64 characters", "{where}.name이 1~64글자의 글이 아님"),
    "weight value": ("{where}.weight is {found}, not 0 or 1", "{where}.weight: {found}, 0이나 1이 아님"),
    "weight role": ("{where} has a weight, and is the {role}'s, not the assistant's", "{where}: {role}의 메시지에 weight가 있음"),
    "thinking role": ("{where} has a thinking, but is the {role}'s", "{where}: {role}의 메시지에 thinking이 있음"),
    "no answer": ("no message is the assistant's", "assistant의 메시지가 없음"),
    "answer last": ("the last message is the {role}'s, not the assistant's", "마지막 메시지가 assistant가 아니라 {role}의 것"),
    "nothing trained": ("every message of the assistant has weight 0", "assistant의 모든 메시지가 weight 0"),
    "no question": ("no message is the user's", "user의 메시지가 없음"),
    "prompt last": ("the prompt ends with the {role}'s message, not with the user's", "질문이 user가 아니라 {role}의 메시지로 끝남"),
    "several answers": ("{where} has {count} messages, not one", "{where}에 메시지가 하나가 아니라 {count}개"),
    "answer role": ("{where} is the {role}'s, not the assistant's", "{where}이(가) assistant가 아니라 {role}의 것"),
    "equal": ("the preferred and the rejected answer are the same: {text}", "나은 답과 못한 답이 같음: {text}"),
    "tie": ("slate {slate}: a tie, which preference formats cannot express", "카드 묶음 {slate}: 동점은 선호 형식으로 쓸 수 없음"),
    "no common prompt": ("chosen and rejected do not begin with a common prompt", "chosen과 rejected에 공통된 질문이 없음"),
    "texts without prompt": (
        "chosen and rejected are texts, and there is no prompt: where the prompt ends cannot be known",
        "chosen과 rejected가 글인데 prompt가 없음: 질문이 어디서 끝나는지 알 수 없음",
    ),
    "prompt differs": ("prompt is not the question that chosen and rejected begin with", "prompt가 chosen과 rejected의 질문과 다름"),
    "messages differ": ("messages are not those of chosen", "messages가 chosen과 다름"),
    "tools": ("{where}: tools and calls, which a classification does not use", "{where}: 분류에 쓰이지 않는 도구나 호출"),
    "tool call": ("{where} is not a call with id, type and function", "{where}이(가) id, type, function이 있는 호출이 아님"),
    "tool answer": ("{where} answers no call of the message before it", "{where}: 앞 메시지의 호출에 대한 답이 아님"),
    "text alone": ("text of {shape}, which does not show where the answer begins", "{shape}: 답이 어디서 시작하는지 알 수 없는 글"),
    "prompt alone": (
        "a prompt without an answer; --columns text=prompt reads it as a problem",
        "답이 없는 prompt; --columns text=prompt로 문항으로 읽을 수 있음",
    ),
    "stepwise": ("answers in judged steps, which are not classifications", "단계별 판정이라 분류가 아님"),
    "record": ("{why}", "{why}"),
    "no key": (
        "the answer is not a JSON object with the key {key!r}, and no label of the taxonomy: {text}",
        "답이 키 {key!r}가 있는 JSON도, 분류 체계의 성취기준도 아님: {text}",
    ),
    "other keys": ("the answer has no key {key!r}; its keys are {keys}", "답에 키 {key!r}가 없음; 있는 키: {keys}"),
    "answer values": ("the answer: {why}", "답: {why}"),
    "questions": ("a problem is one user message; there are {count}", "문항은 user 메시지 하나; 여기는 {count}개"),
    "two shapes": ("this row is {shape}, the first row is {first}", "이 행은 {shape}, 첫 행은 {first}"),
    "few": ("{count} examples; OpenAI requires at least {needed}", "예 {count}개; OpenAI는 적어도 {needed}개를 요구함"),
    "repeated": ("the same question with the same answer", "같은 문제에 같은 답"),
    "repeated pair": ("the same question with the same two answers", "같은 문제에 같은 두 답"),
    "opposite answers": ("the same question with another answer", "같은 문제에 다른 답"),
    "opposite preference": ("the same question and answers, preferred the other way round", "같은 문제와 답인데 선호가 반대"),
    "opposite judgment": ("the same answer to the same question, judged the other way", "같은 문제의 같은 답인데 판정이 반대"),
}


@dataclass(frozen=True)
class ShapeFault:
    """What is wrong with a row. `kind` is a key of finding_kinds.KINDS."""

    kind: str
    en: str
    ko: str
    hint: str = ""
    """What to type, where something else than the row is to be changed."""
    key: str = ""
    """Of a key that is not known and may be skipped: its name."""


class ShapeError(ValueError):
    """A row does not have the shape that it is read as, or cannot be expressed in the shape that it is written in."""

    def __init__(self, fault: ShapeFault) -> None:
        super().__init__(fault.en)
        self.fault = fault


Faults = list[ShapeFault]
"""Faults of one row, in the order found."""


def fault(kind: str, wording: str, /, *, hint: str = "", skip: str = "", **values: Any) -> ShapeFault:
    """A fault in the words of a wording above."""
    en, ko = _WORDINGS[wording]
    return ShapeFault(kind, en.format(**values), ko.format(**values), hint, skip)


def error(kind: str, wording: str, /, *, hint: str = "", **values: Any) -> ShapeError:
    """As `fault`, to raise."""
    return ShapeError(fault(kind, wording, hint=hint, **values))
