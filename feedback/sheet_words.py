"""Messages about files, rows and cells that do not count: in Korean for teachers, in English for engineers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from feedback.sheet import TEMPLATE
from prefopt.domain import DomainSettings

SHOWN = 60
BESIDE = {
    "sheet-unread": "첫 시트만 읽었습니다. 다른 시트에 적은 답은 세지 않습니다.",
    "second-table": "첫 표만 읽었습니다. 그 아래의 다른 표는 읽지 않습니다.",
    "merged-cells": "병합된 칸이 있습니다. 그 칸의 값을 병합된 모든 줄의 값으로 읽었습니다.",
    "rich-text": "취소선 같은 글자 모양은 읽지 않고 글자만 읽었습니다.",
    "cell-comment": "셀 메모는 읽지 않습니다. 하실 말씀은 comment 칸에 적어 주세요.",
    "picture-in-sheet": "시트에 넣은 그림이나 손글씨는 읽지 않습니다.",
    "hidden-row": "숨겨진 줄(필터로 가려진 줄)의 답도 읽었습니다.",
}
"""What a workbook can contain beside its cells, and the messages about it for teachers."""


class Words(NamedTuple):
    """One finding: a word for programs, and what was found and what to write, in both languages."""

    kind: str
    ko: str
    en: str


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def bad_rank(found: str, cards: int) -> Words:
    """A rank cell that says no rank."""
    said = _short(found)
    return Words(
        "rank",
        f"‘{said}’은(는) 순위가 아닙니다. 1부터 {cards}까지의 수 하나를 적어 주세요. 1이 가장 좋은 순위이고, 같은 순위를 주어도 됩니다.",
        f"{said!r} is no rank; write one whole number from 1 to {cards}; 1 is best, equal ranks are allowed",
    )


def bad_best(found: str, letters: Sequence[str]) -> Words:
    """A cell for the best card that names none, or several."""
    said, names = _short(found), ", ".join(letters)
    level = " 두 카드가 비슷하면 A=B라고 적습니다." if len(letters) == 2 else ""
    return Words(
        "best",
        f"‘{said}’은(는) 카드 하나가 아닙니다. 가장 옳은 카드의 글자 하나({names})를 적어 주세요.{level}",
        f"{said!r} is not one card; write the letter of the best one ({names})" + (", or A=B where they are level" if level else ""),
    )


def no_card(letter: str) -> Words:
    """A rank for a card that the slate does not have."""
    return Words(
        "rank",
        f"이 문제에는 카드 {letter}이(가) 없습니다. 칸을 지워 주세요.",
        f"this slate has no card {letter}; clear the cell",
    )


def half_ranked(missing: Sequence[str]) -> Words:
    """Some cards have no rank."""
    names = ", ".join(missing)
    return Words(
        "half-filled",
        f"{names} 칸이 비어 있습니다. 모든 카드에 순위를 적거나, 순위를 모두 지워 주세요.",
        f"{names} is empty; rank every card (equal ranks are allowed), or clear the ranks",
    )


def bad_mark(found: str, cross_is_yes: bool | None) -> Words:
    """A yes-or-no cell that says neither, or that says it ambiguously."""
    said = _short(found)
    if cross_is_yes is not False:
        return Words(
            "mark",
            f"‘{said}’이(가) 예인지 아니요인지 알 수 없습니다. 예이면 O를 적고, 아니면 칸을 지워 주세요.",
            f"{said!r} may mean yes or no; write O for yes, or clear the cell",
        )
    return Words(
        "mark",
        f"‘{said}’이(가) 예인지 아니요인지 알 수 없습니다. 예이면 O, 아니면 X를 적어 주세요.",
        f"{said!r} is neither yes nor no; write O for yes or X for no",
    )


def crossed_out(columns: Sequence[str]) -> Words:
    """An X, which is a no, and nothing else in the row."""
    names = ", ".join(columns)
    return Words(
        "half-filled",
        f"{names} 칸의 X는 ‘아니요’라는 뜻이고, 이 줄에 다른 답이 없습니다. 답을 적거나, ‘예’라는 뜻이었다면 O로 바꾸어 주세요.",
        f"the X in {names} means no, and the row has no other answer; write the answer, or O if yes was meant",
    )


def contradiction(columns: Sequence[str]) -> Words:
    """Cells that cannot all be meant."""
    names = ", ".join(columns)
    return Words(
        "contradiction",
        f"{names} 칸이 서로 맞지 않습니다. 카드의 답(best나 순위), none_right(옳은 것이 없음), discard(보류) 가운데 하나만 적어 주세요.",
        f"{names} contradict each other; fill in only one of best or ranks, none_right and discard",
    )


def unknown_label(found: str, near: Sequence[str]) -> Words:
    """A right label that the taxonomy does not have, or more than one."""
    said, examples = _short(found), ", ".join(near)
    return Words(
        "label",
        f"‘{said}’은(는) 분류 체계에 있는 코드 하나가 아닙니다. 코드 하나를 적어 주세요" + (f" (예: {examples})." if near else "."),
        f"{said!r} is not one label of the taxonomy; write one code" + (f", e.g. {examples}" if near else ""),
    )


def other_question(columns: Sequence[str]) -> Words:
    """A row that no longer shows the published problem or cards."""
    names = ", ".join(columns)
    return Words(
        "question-changed",
        f"{names} 칸이 처음에 보낸 것과 다릅니다. {TEMPLATE}에서 이 문제의 {names} 칸을 다시 복사해 주세요. "
        "정렬할 때는 모든 칸을 함께 정렬해야 합니다.",
        f"{names} no longer shows what was published; copy these cells of the row from {TEMPLATE} again; when sorting, sort whole rows",
    )


def written_into(columns: Sequence[str]) -> Words:
    """A row without an answer, whose problem or cards have another text."""
    names = ", ".join(columns)
    return Words(
        "half-filled",
        f"이 줄에는 답이 없는데 {names} 칸의 글이 처음에 보낸 것과 다릅니다. 답은 best나 rank_A, rank_B 같은 답 칸에 적어 주세요.",
        f"the row has no answer, but {names} no longer shows what was published; answers belong in best, or in rank_A, rank_B and so on",
    )


def comment_alone() -> Words:
    """A row with a comment and no answer."""
    return Words(
        "comment-only",
        "의견만 있고 답이 없어 세지 않습니다. 답을 적거나, 판단할 수 없는 문제이면 discard 칸에 O를 적어 주세요.",
        "a comment and no answer; write the answer, or O in discard where the problem cannot be judged",
    )


def no_slate(found: str) -> Words:
    """A row that belongs to no slate: a total, a note, a slate of another round."""
    said = _short(found)
    return Words(
        "no-slate",
        f"이 줄(‘{said}’)은 이번에 보낸 문제가 아니어서 세지 않습니다. 메모나 합계라면 그대로 두어도 됩니다.",
        f"this row ({said!r}) is no slate of this round and is left out; a note or a total may stay",
    )


def answers_differ(places: Sequence[str]) -> Words:
    """One teacher answered a slate in two ways."""
    names = ", ".join(places)
    return Words(
        "answers-differ",
        f"한 선생님이 같은 문제에 서로 다르게 답했습니다({names}). 어느 것이 맞는지 알 수 없어 세지 않습니다. 한 곳을 지워 주세요.",
        f"one teacher gives this slate different answers ({names}), so none of them counts; clear all but one",
    )


def unreadable(why: str) -> Words:
    """A teacher's file that cannot be read at all."""
    return Words(
        "unreadable",
        "파일을 읽을 수 없어 이 파일의 답은 세지 않습니다. 엑셀에서 열어 .xlsx나 ‘CSV UTF-8’로 다시 저장하고, "
        f"첫 줄의 열 이름은 그대로 두어 주세요. ({why})",
        f"the file cannot be read: {why}",
    )


def beside(kind: str, detail: str) -> Words:
    """Something in a workbook that is not read as an answer, or read otherwise than it looks."""
    seen, _, _ = detail.partition("; to read them")  # by an option of commands that read problems
    return Words(kind, f"{BESIDE[kind]} ({seen})", seen)


def bad_line(why: str) -> Words:
    """A line that is no row of the table, such as one with a note beside the table."""
    return Words(
        "line",
        f"표의 줄로 읽을 수 없어 이 줄은 세지 않습니다. 표 오른쪽에 적은 글이나 따옴표를 지워 주세요. ({why})",
        f"no row of the table, so it does not count: {why}; delete what stands beside the table, or the quotes",
    )


def columns_gone(names: Sequence[str]) -> Words:
    """Columns that were deleted."""
    shown = ", ".join(names)
    return Words(
        "column-missing",
        f"{shown} 열이 없어 빈 칸으로 보았습니다. 지운 것이 아니라면 {TEMPLATE}을(를) 다시 받아 주세요.",
        f"the column {shown} is missing and taken as empty; if it was not meant to be deleted, start from {TEMPLATE} again",
    )


def columns_extra(names: Sequence[str]) -> Words:
    """Columns that are not of the sheet."""
    shown = ", ".join(map(_short, names))
    return Words("column-extra", f"{shown} 열은 읽지 않습니다.", f"the column {shown} is not read")


def second_file(teacher: str, first: str) -> Words:
    """One more file of a teacher."""
    return Words(
        "second-file",
        f"{teacher} 선생님의 파일이 하나 더 있습니다({first}). 한 사람으로 셉니다: 같은 답은 한 번만 세고, 다른 답은 세지 않습니다. "
        "하나만 남겨 주세요.",
        f"a second file of {teacher}, next to {first}: one person; equal answers count once, different ones not at all; keep one file",
    )


def same_workbook(teacher: str, first: str) -> Words:
    """A workbook of one teacher that is a copy of another teacher's."""
    return Words(
        "same-file",
        f"{teacher} 선생님의 파일({first})을 그대로 복사한 파일이어서 세지 않습니다. 이 선생님의 답이 담긴 파일로 바꾸어 주세요.",
        f"a copy of {first}, the file of {teacher}, byte for byte, so it does not count; put this teacher's own file in its place",
    )


def other_name(teacher: str) -> Words:
    """The only file of a teacher, under another name than theirs."""
    return Words("file-name", f"{teacher} 선생님의 파일로 읽었습니다.", f"read as the file of {teacher}")


def unknown_teacher(folder: str, proposed: str, known: Sequence[str]) -> Words:
    """A file whose name is no teacher's."""
    names = ", ".join(known)
    ko = f"누구의 파일인지 알 수 없어 세지 않습니다. 등록된 선생님: {names}. 파일 이름을 그 가운데 하나로 바꾸"
    en = f"the file is no one known teacher's and does not count; known in {folder}: {names}; rename it to one of these"
    if not proposed:
        return Words(
            "unknown-teacher",
            f"{ko}어 주세요. 파일 하나에는 한 선생님의 답만 담고, 새 선생님은 이들과 다른 이름으로 등록해야 합니다.",
            f"{en}; a file holds the answers of one teacher, and a new teacher needs a name unlike these",
        )
    return Words(
        "unknown-teacher",
        f"{ko}거나, 담당자가 등록해야 합니다: prefopt teachers add {proposed}",
        f"{en}, or: prefopt teachers add {proposed}",
    )


def answers_gone(teacher: str, count: int) -> Words:
    """A teacher had answers when the files were read before, and has none now."""
    return Words(
        "answers-gone",
        f"{teacher} 선생님의 답 {count}개가 앞서 읽을 때는 있었지만 지금은 없습니다. 세지 않습니다. "
        "잘못 지웠거나 옮겼다면 파일을 되돌려 주세요. 그러면 다시 셉니다.",
        f"{count} answers of {teacher} were there when the files were read before, and are gone; they do not count; "
        "put the file back if that was not meant, and they count again",
    )


def answers_in_template(known: Sequence[str]) -> Words:
    """Answers in the empty sheet."""
    example = known[0] if known else "USER"
    return Words(
        "no-name",
        "빈 답안지의 이름을 그대로 쓴 파일에 답이 있습니다. 누구의 답인지 알 수 없어 세지 않습니다. "
        f"파일 이름을 {example}.csv처럼 바꾸어 주세요.",
        f"answers in a file that has kept the name of the empty sheet belong to nobody and do not count; rename it, e.g. to {example}.csv",
    )


def not_read(name: str) -> Words:
    """A file or folder that is not read."""
    if name.startswith(("~$", ".~lock")):
        return Words(
            "open-elsewhere",
            "이 파일을 누군가 열어 두었습니다. 저장하지 않은 답은 읽을 수 없습니다.",
            "the workbook is open in a spreadsheet program; answers that are not saved cannot be read",
        )
    return Words(
        "not-read",
        "읽지 않은 파일입니다. 답이 들어 있다면 CSV 파일이나 엑셀 파일(.xlsx)로 저장해 이 라운드의 폴더에 두어 주세요.",
        "not read; if it holds answers, save it as a CSV file or a workbook (.xlsx) in the folder of this round",
    )


ASKED_AGAIN = {
    "ko": (
        "다른 선생님의 판단이 한 번 더 필요한 {item}입니다.\n"
        "자기 이름 아래의 {item}[을/를] 자기 파일에서 찾아(slate 칸) 평소처럼 답해 주세요. 먼저 답한 선생님의 답은 보지 마세요.\n"
        "먼저 한 답이 틀렸다는 뜻은 아닙니다. 무작위로 고른 {item}도 있습니다.\n"
    ),
    "en": (
        "These need the judgment of another teacher.\n"
        "Find those under your name in your file (column slate) and answer them as usual, without looking at the first teacher's answer.\n"
        "It does not mean that the first answer is wrong; some were drawn at random.\n"
    ),
}


def asked_again(asked: Mapping[str, Sequence[tuple[str, str]]], domain: DomainSettings) -> str:
    """The list of slates that want another teacher, for teachers, in the project's words.

    Args:
        asked: user name -> id and problem of each slate.
        domain: language, and what is classified.
    """
    head = domain.fill(ASKED_AGAIN[domain.language])
    parts = [f"\n{name}\n" + "".join(f"  {slate}  {_short(text)}\n" for slate, text in rows) for name, rows in asked.items() if rows]
    return head + "".join(parts)
