"""Find rows that exceed the context, by counting tokens as the model's own rendering does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.data.checks.check_types import Entry, Finding, Part
from prefopt.data.checks.finding_details import detail
from prefopt.errors import ModelError
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer

_BATCH = 2000  # texts tokenized at once
_SLACK = 8  # tokens; difference between JSON tokenized whole and in the parts that are rendered
LEAST_ANSWER = 64  # tokens that must remain after a prompt without a known answer


@dataclass(frozen=True)
class Lengths:
    """Counts tokens with a model's renderer. `limit` is prompt.max_tokens, the longest row of prompt and answer together."""

    renderer: Renderer
    limit: int
    name: str
    """Name of the tokenizer, for the page."""

    def findings(self, entries: list[Entry], parts: list[Part], counts: dict[str, Any]) -> Iterator[Finding]:
        """A finding for every row that is too long; token counts are added to `counts`."""
        prompts, answers = 0, 0
        longest, base = 0, self._prompt_base()
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            texts = self._count([self.renderer.text_of(e.text) for e in batch])
            finals = self._count([self._final(e) for e in batch])
            reasons = self._count([e.reason or "" for e in batch])
            for entry, text, final, reason in zip(batch, texts, finals, reasons, strict=True):
                prompt = base + text
                known = entry.label is not None
                answer = final + reason + self._overhead if known else LEAST_ANSWER
                if prompt + answer + _SLACK > self.limit:
                    prompt, answer = self._exact(entry, prompt)
                prompts += prompt
                answers += answer if known else 0
                longest = max(longest, prompt + answer)
                if prompt + answer > self.limit:
                    yield self._too_long(entry, parts[entry.part], prompt, answer)
        counts["tokens"] = {
            "tokenizer": self.name,
            "limit": self.limit,
            "prompts": prompts,
            "answers": answers,
            "longest": longest,
            "prompt without problem": base,
        }

    @property
    def _overhead(self) -> int:
        """Largest number of tokens around the reason and the final JSON (channels, end tokens)."""
        return 24

    def _too_long(self, entry: Entry, part: Part, prompt: int, answer: int) -> Finding:
        what = detail("no room" if entry.label is None else "too long", id=entry.id, prompt=prompt, answer=answer, limit=self.limit)
        return Finding("too-long-for-context", part.path, entry.line, what)

    def _prompt_base(self) -> int:
        return len(self.renderer.prompt(Problem(id="x", text="0"), with_reason=True)) - len(self.renderer.encode("0"))

    def _count(self, texts: list[str]) -> list[int]:
        backend = self.renderer.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True  # a control token written in a problem is text
        return [len(e) for e in backend.encode_batch_fast(texts, add_special_tokens=False)]

    def _answer(self, entry: Entry) -> Answer:
        """The answer, not validated: a reason that is too long is another finding."""
        return Answer.model_construct(
            label=entry.label or "", level=entry.level, difficulty=entry.difficulty, concepts=entry.concepts, reason=entry.reason
        )

    def _final(self, entry: Entry) -> str:
        return "" if entry.label is None else self.renderer.answer_json(self._answer(entry))

    def _exact(self, entry: Entry, prompt: int) -> tuple[int, int]:
        """Tokens of prompt and answer as rendered for training."""
        if entry.label is None:
            return prompt, LEAST_ANSWER
        try:
            answer = self._answer(entry)
            return prompt, len(self.renderer.completion(answer, with_reason=bool(entry.reason)))
        except ModelError:  # a label outside the taxonomy, or a model without an analysis channel: add up the parts
            final, reason = self._count([self._final(entry), entry.reason or ""])
            return prompt, final + reason + self._overhead


def open_lengths(model: Path, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> Lengths:
    """Open a checkpoint's tokenizer, without its weights. Raises ModelError where it has none or an unknown one."""
    from prefopt.model.chat import renderer_for
    from prefopt.model.tiny import checkpoint_path
    from prefopt.model.tokenizer import read_tokenizer

    renderer = renderer_for(read_tokenizer(model), prompt, answer, taxonomy)
    return Lengths(renderer, prompt.max_tokens, "tiny" if model == checkpoint_path() else model.name)
