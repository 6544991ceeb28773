"""The Renderer interface for models with a chat template of their own instead of Harmony.

The template is rendered once with marks in place of the texts. The template's own text is encoded with its control tokens, the inserted
texts as ordinary text, so a control token spelled in a problem remains text, as with Harmony.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Literal

from transformers import PreTrainedTokenizerFast

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.model.bounded import FailedError, bounded_text
from prefopt.model.conversation import Message, Rendered, check_turns
from prefopt.model.harmony import CONTROL, Renderer
from prefopt.model.harmony_parse import parse_final
from prefopt.records import Answer
from prefopt.taxonomy import Taxonomy

_TODAY = re.compile(r"""strftime_now\((["'])(.{0,80}?)\1\)""")
_SYSTEM_MARK, _USER_MARK = "\u2997system\u2998", "\u2997user\u2998"


def renderer_for(tokenizer: PreTrainedTokenizerFast, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> Renderer:
    """A Harmony renderer if the tokenizer has the control tokens, else one with the tokenizer's chat template. Raises ModelError."""
    known = tokenizer.get_added_vocab()
    kind = Renderer if all(token in known for token in CONTROL) else ChatRenderer
    return kind(tokenizer, prompt, answer, taxonomy)


class ChatRenderer(Renderer):
    """A Renderer with a chat template: system text, user text, and the JSON as the answer. Without channels, there is no analysis.

    Raises:
        ModelError: the tokenizer has no chat template or end token, or adds characters between texts that are encoded separately.
    """

    def _read_control_tokens(self) -> None:
        if not self.tokenizer.chat_template:
            raise ModelError(
                "the tokenizer has neither Harmony control tokens nor a chat template",
                hint='write chat_template.jinja into its folder (docs/models.md, "A base model"), or use an instruction-tuned model',
            )
        if self.tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer has no end token (eos_token)", hint="use an instruction-tuned model")
        pieces = [*self.encode('{"a":"'), *self.encode("[2수01-05]"), *self.encode('"')]
        if self.decode(pieces) != '{"a":"[2수01-05]"':
            raise ModelError(
                "the tokenizer adds characters between texts that are encoded separately, so labels would not have fixed tokens",
                hint="use a model with a byte-level tokenizer",
            )
        self._rendered: dict[tuple[tuple[str, ...], tuple[str, ...], bool], list[str]] = {}
        self._template = self._render()

    @property
    def answer_end(self) -> int:
        """The model's end token."""
        return int(self.tokenizer.eos_token_id)

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The end token."""
        return (self.answer_end,)

    @property
    def end_id(self) -> int:
        """The end token, since there is only one message."""
        return self.answer_end

    def channel(self, name: Literal["analysis", "final"]) -> list[int]:
        """An empty list for the final channel. Raises ModelError for the analysis channel, which such a model does not have."""
        if name == "analysis":
            raise ModelError(
                "this model has no analysis channel (its tokenizer has no Harmony tokens)",
                hint="set reason_share = 0 under [recipes.sft], "
                "with_reason = false under the other recipes, and analyses = 0 under [posterior]",
            )
        return []

    def conversation(self, messages: Sequence[Message], *, effort: Literal["low", "medium", "high"] | None = None) -> Rendered:
        """Several turns with the template. The loss counts an assistant's text and the end token that the template writes after it.

        Args:
            messages: alternating turns, from a user's to an assistant's.
            effort: ignored; such a model has no reasoning effort.

        Raises:
            ModelError: as Renderer.conversation; a message has a thinking; the template drops, repeats or reorders a message.
        """
        check_turns(messages)
        thinking = next((number for number, message in enumerate(messages, 1) if message.thinking is not None), None)
        if thinking is not None:
            raise ModelError(f"message {thinking} has a thinking, and this model has no analysis channel", hint="remove thinking")
        marks = [f"\u2997{number}\u2998" for number in range(len(messages))]
        turns = [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]
        rendered = Rendered()
        texts = {_SYSTEM_MARK: self._system, **{mark: m.content for mark, m in zip(marks, messages, strict=True)}}
        trained = {mark for mark, m in zip(marks, messages, strict=True) if m.role == "assistant" and m.weight == 1}
        previous = ""
        for piece in self._split(turns, marks):
            if piece in texts:
                rendered.add(self.encode(texts[piece]), trained=piece in trained)
            else:
                ids = self._encode_template(piece)
                end = 1 if ids and ids[0] == self.answer_end else 0
                rendered.add(ids[:end], trained=previous in trained)
                rendered.add(ids[end:])
            previous = piece
        return rendered

    def parse(self, completion: Sequence[int] | str) -> Answer:
        """The answer in a completion, given as token ids or text. Raises ModelError if it is malformed."""
        text = completion if isinstance(completion, str) else self.decode(completion)
        return parse_final(text.removesuffix(str(self.tokenizer.eos_token)), self.answer, self.taxonomy, None)

    def _prompt(self, user: str, effort: str) -> list[int]:
        texts = {_SYSTEM_MARK: self._system, _USER_MARK: user}
        ids: list[int] = []
        for piece in self._template:
            ids += self.encode(texts[piece]) if piece in texts else self._encode_template(piece)
        return ids

    @property
    def _system(self) -> str:
        return self._developer.removeprefix("# Instructions\n\n")

    def _encode_template(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _dated(self) -> tuple[str, date]:
        """The template with calls for today's date replaced by prompt.date, so prompts do not change from day to day; and that date."""
        try:
            day = date.fromisoformat(self.settings.date)
        except ValueError:
            raise ModelError(f"prompt.date {self.settings.date!r} is not a date", hint="write it as 2026-01-01") from None
        template = _TODAY.sub(lambda call: json.dumps(day.strftime(call[2])), str(self.tokenizer.chat_template))
        if "strftime_now(" in template:
            raise ModelError(
                "the chat template prints today's date in an unsupported way", hint="write a fixed date in chat_template.jinja"
            )
        return template, day

    def _render(self) -> list[str]:
        """The template's own texts, and the marks of the inserted texts, for a prompt."""
        return self._split([{"role": "user", "content": _USER_MARK}], [_USER_MARK], prompt=True)

    def _split(self, turns: list[dict[str, str]], marks: Sequence[str], *, prompt: bool = False) -> list[str]:
        """Render turns and split the result at the marks of the inserted texts.

        If the template has no system role, the system text is put before the first user's text.

        Args:
            turns: role and mark of each message.
            marks: in the order of the turns.
            prompt: add the start of the assistant's message.
        """
        key = (tuple(turn["role"] for turn in turns), tuple(marks), prompt)
        if key not in self._rendered:
            self._rendered[key] = self._split_anew(turns, marks, prompt=prompt)
        return self._rendered[key]

    def _split_anew(self, turns: list[dict[str, str]], marks: Sequence[str], *, prompt: bool) -> list[str]:
        template, day = self._dated()
        options = {"chat_template": template, "date_string": day.strftime("%d %b %Y")}  # Llama's templates take date_string
        system = {"role": "system", "content": _SYSTEM_MARK}
        joined = {"role": "user", "content": f"{_SYSTEM_MARK}\n\n{marks[0]}"}
        failure = ""
        for messages in ([system, *turns], [joined, *turns[1:]]):
            render = partial(self.tokenizer.apply_chat_template, messages, tokenize=False, add_generation_prompt=prompt, **options)
            try:
                text = bounded_text(lambda render=render: str(render()), "the chat template")  # type: ignore[misc]  # a default for the loop
            except FailedError as error:
                failure = f" ({error})"
                continue
            pieces = [
                piece
                for piece in re.split("|".join((f"({re.escape(_SYSTEM_MARK)})", *(f"({re.escape(m)})" for m in marks))), text)
                if piece
            ]
            if [piece for piece in pieces if piece in (_SYSTEM_MARK, *marks)] == [_SYSTEM_MARK, *marks]:
                return pieces
        raise ModelError(
            f"the chat template drops or repeats the system text or a message, or changes their order{failure}",
            hint="edit chat_template.jinja",
        )
