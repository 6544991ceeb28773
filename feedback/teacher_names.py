"""Whose file it is: the user name that a file's name says, in the spellings that people, mail, browsers and operating systems give it."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from feedback.people import name_fault
from prefopt.errors import ConfigError
from prefopt.records import SIMULATED
from prefopt.texts.same_text import name_key

RESERVED = "slates"
"""Name of the sheet that belongs to nobody."""

_KOREAN = "|".join(
    (
        "진짜최종|최종본|최종|수정본|수정|복사본|사본|복제본|복제|복사|제출용|제출본|재제출|제출",
        "완료본|완료|완성본|완성|답안지|답안|답변|응답|회신|초안|임시|백업",
    )
)
_SHORT = "진짜|완|답|새|작성본|작성완료|작성|검토본|검토완료|검토|확인|평가|채점|순위|결과|전달|첨부"
_LATIN = r"copy|copied|conflicted copy|final|fin|edited|edit|new|old|last|draft|backup|bak|answers?|slates?|done|rev|ver|v|r"
_BETWEEN = r"(?:_|[^\w()\[\]{}<>@])"
_DATE = r"\d{4}[-.]?\d{1,2}[-.]?\d{1,2}|\d{4}|(?:\d{4}년 ?)?\d{1,2}월 ?\d{1,2}일|\d{1,2}(?:차|회차|라운드)"
_NOTE = rf"(?:{_KOREAN}|{_SHORT}|(?:{_LATIN})(?![a-z])|{_DATE}|\d{{1,3}}|{_BETWEEN})++"  # possessive: digits could be parted in 2^n ways
_BRACKETED = rf"[\(\[{{<](?:{_NOTE}|[^()\[\]]{{0,60}}(?:conflicted copy|충돌된 사본)[^()\[\]]{{0,30}})[\)\]}}>]"
_BEHIND = tuple(
    re.compile(f"{pattern}$")
    for pattern in (
        r"\.(?:csv|xlsx|xlsm|xls|tsv|txt)",
        rf"{_BETWEEN}*{_BRACKETED}",
        rf"의{_BETWEEN}*(?:사본|복사본)",
        rf"(?:{_BETWEEN}+|(?<=[a-z0-9)\]])|(?<=[가-힣]{{3}}))(?:{_KOREAN})+\d{{0,2}}",  # 김수정 is a name, 김민수수정 a file of 김민수
        rf"{_BETWEEN}+(?:{_SHORT})\d{{0,2}}",
        rf"{_BETWEEN}+(?:{_LATIN}){_BETWEEN}?\d{{0,3}}",
        rf"{_BETWEEN}+(?:\d{{1,3}}|{_DATE})",
        r"\s*(?:선생님|선생|교사|쌤)",
        r"(?<=[가-힣]{2})(?:님|샘|\s*t)",
        rf"{_BETWEEN}+",
    )
)
_BEFORE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BRACKETED}{_BETWEEN}*",
        rf"(?:{_KOREAN})(?:{_BETWEEN}+|(?=[a-z\[(])|(?=[가-힣]{{3}}))",
        rf"(?:{_SHORT}){_BETWEEN}+",
        rf"(?:(?:{_LATIN})(?: ?\(\d+\))?(?: of)?|re|fwd?|답장|kakaotalk){_BETWEEN}+",
        rf"(?:\d{{1,3}}|{_DATE}){_BETWEEN}+",
        rf"(?<!\w)\d{{6,9}}{_BETWEEN}+",
        rf"{_BETWEEN}+",
    )
)
_IN_BRACKETS, _LETTER = re.compile(r"[(\[{<]([^()\[\]{}<>]*)[)\]}>]"), re.compile(r"[^\W\d_]")
_LONGEST = 255  # characters of a name that are read for what was added to it
_MOST = 200  # spellings looked at; a file name has at most 255 bytes


class Registry:
    """The teachers whose files count. Simulated teachers are known by the form of their names.

    Args:
        people: user name -> shown name, "" where none was given.

    Raises:
        ConfigError: two user names that differ in spelling alone, or the name of the sheet that belongs to nobody.
    """

    def __init__(self, people: Mapping[str, str]) -> None:
        self.people = dict(sorted(people.items()))
        seen: dict[str, str] = {}
        for user in self.people:
            key = _compact(name_key(user))
            if key in seen:
                raise ConfigError(f"the teachers {seen[key]!r} and {user!r} have one name in two spellings", hint="delete one of the two")
            if key == RESERVED:
                raise ConfigError(f"no teacher can be named {user!r}: {RESERVED}.csv belongs to nobody", hint="choose another name")
            seen[key] = user
        for user in self.people:
            self._refuse_copy(user, seen)

    def _refuse_copy(self, user: str, users: Mapping[str, str]) -> None:
        """Raise ConfigError for a user name such as kim-copy next to kim. A number alone may tell two people apart."""
        key = name_key(user)
        for spelling in _spellings(key):
            other = users.get(_compact(spelling), user)
            if other != user and re.search(r"[^\W\d_]|[(\[{<]", key.replace(spelling, "", 1)):
                raise ConfigError(f"the teacher {user!r} reads as a copy of {other!r}", hint=f"delete {user!r}, or give another user name")

    @cached_property
    def _keys(self) -> dict[str, str]:
        """Key of a user name, and of a shown name that one teacher alone has -> user name."""
        shown: dict[str, set[str]] = defaultdict(set)
        for user, name in self.people.items():
            for spelling in _spellings(name_key(name)) if name else ():
                shown[_compact(spelling)].add(user)
        return _of_one(shown) | {_compact(name_key(user)): user for user in self.people}

    @cached_property
    def _joined(self) -> dict[str, str]:
        """Letters and digits of a user name, alone and with the shown name on either side -> the user name, where it is of one teacher."""
        found: dict[str, set[str]] = defaultdict(set)
        for user, name in self.people.items():
            own = _joined(name_key(user))
            found[own].add(user)
            for spelling in _spellings(name_key(name)) if name else ():
                found[own + _joined(spelling)].add(user)
                found[_joined(spelling) + own].add(user)
        return _of_one(found)

    def user_of(self, stem: str) -> str | None:
        """The user name that the name of a file says, without its extension; None where it is nobody's, or could be that of two."""
        whole = _key(stem)
        found: set[str] = set()
        for spelling in _spellings(whole):
            key = _compact(spelling)
            user = self._keys.get(key) or (key if re.fullmatch(rf"{SIMULATED}\d+", key) else None)
            if user is not None:
                if spelling == whole and spelling == key:
                    return user
                found.add(user)
            if (user := self._joined.get(_joined(spelling))) is not None:  # kim_2 may be kim2, or a copy of kim
                found.add(user)
        return found.pop() if len(found) == 1 else None

    def proposed(self, stem: str) -> str:
        """A user name under which the file would count if it were added; "" where there is none, or the file has a known teacher's name."""
        key = _key(stem)
        known = {_compact(spelling) for user, name in self.people.items() for spelling in (name_key(user), *_spellings(name_key(name)))}
        words = {_compact(spelling) for spelling in _spellings(key)} | {*re.split(r"[^\w@.]|_", key)} - {""}
        for name in dict.fromkeys((_bare_name(stem), _allowed(_joined(key)), _allowed(key))) if not words & known else ():
            try:
                if name not in self.people and name_fault(name) is None and Registry({**self.people, name: ""}).user_of(stem) == name:
                    return name
            except ConfigError:  # it reads as a copy of another teacher
                continue
        return ""


def belongs_to_nobody(stem: str) -> bool:
    """Whether a file is a copy of the empty sheet, saved under its own name."""
    return any(_compact(spelling) == RESERVED for spelling in _spellings(_key(stem)))


def _bare_name(stem: str) -> str:
    """The name of a file without what was added to it."""
    *_, last = _spellings(_key(stem))
    return _allowed(last)


def _allowed(key: str) -> str:
    return re.sub(r"[^a-z0-9가-힣_.@-]", "", key).lstrip("_.@-")


def readable(name: str) -> str:
    """The name of a file as text. Names that are not UTF-8, as old archives of Korean Windows have them, are read as CP949."""
    raw = os.fsencode(name)
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def stem_of(path: Path) -> str:
    """The name of a file without its extension, as text."""
    return Path(readable(path.name)).stem


def _key(stem: str) -> str:
    return name_key(unquote(stem) if "%" in stem else stem)


def _spellings(key: str) -> Iterator[str]:
    """The key, then what is left of it without one addition, without two … The last one has none left."""
    known, queue = {key}, [key[:_LONGEST]]
    while queue and len(known) < _MOST:
        spelling = queue.pop(0)
        yield spelling
        shorter = [pattern.sub("", spelling, count=1) for pattern in _BEHIND if pattern.search(spelling)]
        shorter += [spelling[match.end() :] for pattern in _BEFORE if (match := pattern.match(spelling))]
        for left in shorter:
            if left and left not in known:
                known.add(left)
                queue.append(left)


def _of_one(found: Mapping[str, set[str]]) -> dict[str, str]:
    return {key: next(iter(users)) for key, users in found.items() if len(users) == 1 and key}


def _compact(key: str) -> str:
    return key.replace(" ", "")


def _joined(key: str) -> str:
    """Letters and digits of a key; brackets stay around a number alone, which counts copies."""
    return re.sub(r"[^\w()]|_", "", _IN_BRACKETS.sub(lambda m: m[1] if _LETTER.search(m[1]) else m[0], key))
