"""Rows in tokens, as the model's own rendering has them: what does not fit is named before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.data.checks.entry_reader import Entry, Finding, Part
from prefopt.errors import ModelError
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer

_BATCH = 2000  # texts tokenized at once
_PIECES = 8  # tokens by which a JSON tokenized whole may differ from the pieces that it is rendered in
LEAST_ANSWER = 64  # tokens that must be left after a prompt without a known answer


@dataclass(frozen=True)
class Lengths:
    """Counts tokens by a model's renderer. `limit` is prompt.max_tokens: the longest row, prompt and answer together."""

    renderer: Renderer
    limit: int
    name: str
    """Of the tokenizer, for the page."""

    def findings(self, entries: list[Entry], parts: list[Part], facts: dict[str, Any]) -> Iterator[Finding]:
        """A finding for every row that does not fit; token counts go to `facts`."""
        prompts, answers, asked = 0, 0, 0
        longest, base = 0, self._prompt_base()
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            texts = self._count([e.text for e in batch])
            finals = self._count([self._final(e) for e in batch])
            reasons = self._count([e.reason or "" for e in batch])
            for entry, text, final, reason in zip(batch, texts, finals, reasons, strict=True):
                prompt = base + text
                known = entry.label is not None
                answer = final + reason + self._overhead if known else LEAST_ANSWER
                if prompt + answer + _PIECES > self.limit:
                    prompt, answer = self._exact(entry, prompt)
                prompts, asked = prompts + prompt, asked + known
                answers += answer if known else 0
                longest = max(longest, prompt + answer)
                if prompt + answer > self.limit:
                    yield self._too_long(entry, parts[entry.part], prompt, answer)
        facts["tokens"] = {
            "tokenizer": self.name,
            "limit": self.limit,
            "prompts": prompts,
            "answers": answers,
            "longest": longest,
            "prompt without problem": base,
        }

    @property
    def _overhead(self) -> int:
        """Tokens of the channels around reason and final JSON, at most."""
        return 24

    def _too_long(self, entry: Entry, part: Part, prompt: int, answer: int) -> Finding:
        what = (
            f"{prompt} tokens of prompt and {answer} of answer" if entry.label is not None else f"{prompt} tokens of prompt leave no room"
        )
        return Finding("too-long-for-context", part.path, entry.line, f"problem {entry.id!r}: {what}; the longest row has {self.limit}")

    def _prompt_base(self) -> int:
        return len(self.renderer.prompt(Problem(id="x", text="0"), with_reason=True)) - len(self.renderer.encode("0"))

    def _count(self, texts: list[str]) -> list[int]:
        backend = self.renderer.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True  # a control token spelled in a problem is text
        return [len(e) for e in backend.encode_batch_fast(texts, add_special_tokens=False)]

    def _answer(self, entry: Entry) -> Answer:
        """Not validated: a reason that is too long is a finding of its own."""
        return Answer.model_construct(
            label=entry.label or "", level=entry.level, difficulty=entry.difficulty, concepts=entry.concepts, reason=entry.reason
        )

    def _final(self, entry: Entry) -> str:
        return "" if entry.label is None else self.renderer.answer_json(self._answer(entry))

    def _exact(self, entry: Entry, prompt: int) -> tuple[int, int]:
        """Tokens of prompt and answer as they are rendered for training."""
        if entry.label is None:
            return prompt, LEAST_ANSWER
        try:
            answer = self._answer(entry)
            return prompt, len(self.renderer.completion(answer, with_reason=bool(entry.reason)))
        except ModelError:  # a label outside the taxonomy, or a model without an analysis channel: counted by its parts
            final, reason = self._count([self._final(entry), entry.reason or ""])
            return prompt, final + reason + self._overhead


def open_lengths(model: Path, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> Lengths:
    """Read a checkpoint's tokenizer (not its weights). Raises ModelError where there is none that can be used."""
    from prefopt.model.chat import renderer_for
    from prefopt.model.tiny import checkpoint_path
    from prefopt.model.tokenizer import read_tokenizer

    renderer = renderer_for(read_tokenizer(model), prompt, answer, taxonomy)
    return Lengths(renderer, prompt.max_tokens, "tiny" if model == checkpoint_path() else model.name)
