"""Questions that occur again in a file: with the same answer, with another one, or with the opposite preference."""

from __future__ import annotations

from collections.abc import Sequence

from prefopt.data.formats.answers import meaning
from prefopt.data.formats.messages import Comparison, Conversation, Judgment, Message
from prefopt.data.formats.shape_faults import ShapeFault, fault
from prefopt.texts.same_text import key

Repeat = tuple[ShapeFault, int]
"""What a row repeats or contradicts, and the line of the earlier row."""


class Repeats:
    """Remembers questions and answers of the rows so far, in one spelling each."""

    def __init__(self, label_key: str) -> None:
        self._label_key = label_key
        self._answers: dict[tuple[str, ...], dict[str, int]] = {}
        self._pairs: dict[tuple[str, ...], dict[tuple[str, str], int]] = {}
        self._judged: dict[tuple[str, ...], dict[bool, int]] = {}

    def of(self, row: Conversation | Comparison | Judgment, line: int) -> Repeat | None:
        """What the row in this line repeats or contradicts; it is remembered for the next ones."""
        if isinstance(row, Conversation):
            return self.of_answer(self._question(row.messages[:-1]), meaning(row.messages[-1].content, self._label_key), line)
        if isinstance(row, Judgment):
            return self._of_judgment((*self._question(row.prompt), self._meaning(row.completion)), row.desirable, line)
        return self._of_pair(self._question(row.prompt), (self._meaning(row.preferred), self._meaning(row.rejected)), line)

    def of_answer(self, question: tuple[str, ...], answer: str, line: int) -> Repeat | None:
        """As `of`, for a question and its answer."""
        known = self._answers.setdefault(question, {})
        if answer in known:
            return fault("duplicate", "repeated"), known[answer]
        found = (fault("contradiction", "opposite answers"), next(iter(known.values()))) if known else None
        known[answer] = line
        return found

    def _of_pair(self, question: tuple[str, ...], answers: tuple[str, str], line: int) -> Repeat | None:
        known = self._pairs.setdefault(question, {})
        opposite = known.get((answers[1], answers[0]))
        first = known.setdefault(answers, line)
        if opposite is not None:
            return fault("preference-contradiction", "opposite preference"), opposite
        return None if first == line else (fault("preference-duplicate", "repeated pair"), first)

    def _of_judgment(self, question: tuple[str, ...], desirable: bool, line: int) -> Repeat | None:
        known = self._judged.setdefault(question, {})
        opposite = known.get(not desirable)
        first = known.setdefault(desirable, line)
        if opposite is not None:
            return fault("preference-contradiction", "opposite judgment"), opposite
        return None if first == line else (fault("preference-duplicate", "repeated"), first)

    @staticmethod
    def _question(messages: Sequence[Message]) -> tuple[str, ...]:
        """What is asked: the turns without instructions, which are the same for all rows."""
        return tuple(key(m.content) for m in messages if m.role in ("user", "assistant"))

    def _meaning(self, messages: Sequence[Message]) -> str:
        return "\n".join(meaning(m.content, self._label_key) for m in messages)
