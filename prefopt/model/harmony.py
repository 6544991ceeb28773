"""Harmony, the prompt format of gpt-oss: problems and answers to tokens, and back.

The specification is openai-harmony's rendering (a test compares token by token). Texts are encoded as ordinary text: "<|end|>" inside a
problem or a reason never becomes a control token. The final message is encoded in parts, so a label always has the same tokens:

    {"standard":"   [2수01-05]   "   ,"level":"B","difficulty":2,"concepts":["덧셈"]}
    ^ opening       ^ label      ^ closing quote    ^ rest
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from transformers import PreTrainedTokenizerFast

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.model.conversation import Message, Rendered, check_turns
from prefopt.model.harmony_parse import parse_completion, split_ids, split_text
from prefopt.model.harmony_text import HEADING, answer_json, developer_text, rest_of
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Taxonomy
from prefopt.texts.same_text import as_read

CONTROL = ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>", "<|endoftext|>")
STOPS = ("<|return|>", "<|call|>", "<|endoftext|>")
"""Tokens that end a generation."""
CLOSING_QUOTE = '"'

_SYSTEM = (
    "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\nCurrent date: {date}\n\n"
    "Reasoning: {effort}\n\n# Valid channels: analysis, commentary, final. Channel must be included for every message."
)


class Renderer:
    """Renders problems as prompts and answers as completions, in token ids.

    Args:
        tokenizer: byte-level, with the Harmony control tokens.
        prompt: instructions, effort, date, and the part of the taxonomy that the prompt lists.
        answer: key of the label, and the fields after it.
        taxonomy: the labels.

    Raises:
        ModelError: the tokenizer lacks Harmony tokens, or cannot encode them as text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> None:
        self.tokenizer, self.settings, self.answer, self.taxonomy = tokenizer, prompt, answer, taxonomy
        self._developer = developer_text(prompt, taxonomy)
        self._prefixes: dict[str, list[int]] = {}
        self._read_control_tokens()

    def _read_control_tokens(self) -> None:
        self._id = control_ids(self.tokenizer)
        if self._id["<|end|>"] in self.encode("<|end|>"):
            raise ModelError(
                "the tokenizer ignores split_special_tokens and encodes the text '<|end|>' as a control token",
                hint="use the fast tokenizer",
            )

    @property
    def developer_content(self) -> str:
        """Text of the developer message without its heading, as a chat template expects it."""
        return self._developer.removeprefix(HEADING)

    @property
    def answer_end(self) -> int:
        """Token id that ends an answer."""
        return self._id["<|return|>"]

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """Token ids that end a generation."""
        return tuple(self._id[token] for token in STOPS)

    @property
    def end_id(self) -> int:
        """Token id that ends a message before another message."""
        return self._id["<|end|>"]

    @property
    def label_opening(self) -> list[int]:
        """Token ids between "<|start|>assistant" and the label of an answer without analysis."""
        return [*self.channel("final"), *self.encode(f'{{"{self.answer.label_key}":"')]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; control tokens spelled in it are encoded as ordinary characters."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, with control tokens spelled out."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def channel(self, name: Literal["analysis", "final"]) -> list[int]:
        """Token ids of <|channel|>name<|message|>."""
        return [self._id["<|channel|>"], *self.encode(name), self._id["<|message|>"]]

    def text_of(self, text: str) -> str:
        """A problem's text as prompts hold it, in the spelling of the settings."""
        return as_read(text, self.settings.spelling)

    def prompt(self, problem: Problem, *, with_reason: bool) -> list[int]:
        """System, developer and user message, and the start of the assistant's message.

        Args:
            problem: only its text is used, in the spelling of the settings.
            with_reason: True for the reasoning effort of the settings; False for low effort, for an answer without analysis.
        """
        return self._prompt(self.text_of(problem.text), self.settings.effort if with_reason else "low")

    def explain_prompt(self, problem: Problem, label_id: str) -> list[int]:
        """A prompt that asks why a problem has a label; the answer is in the final channel."""
        label = self.taxonomy[label_id]
        question = self.settings.question.replace("{id}", label.id).replace("{name}", label.name)
        return self._prompt(f"{self.text_of(problem.text)}\n\n{question}", "low")

    def explain_completion(self, reason: str) -> list[int]:
        """The answer to `explain_prompt`."""
        return [*self.channel("final"), *self.encode(reason), self.answer_end]

    def completion(self, answer: Answer, *, with_reason: bool, label_only: bool = False) -> list[int]:
        """The assistant's message after `prompt`.

        A partial answer, or `label_only`, stops after the label's closing quote, without an end token.

        Raises:
            ModelError: the label is not in the taxonomy; `with_reason` is set and the answer has no reason.
        """
        ids = self.analysis(answer) if with_reason else []
        ids += [*self.label_opening, *self.label_ids(answer.label), *self.encode(CLOSING_QUOTE)]
        if label_only or answer.partial:
            return ids
        return [*ids, *self.encode(self._rest(answer)), self.answer_end]

    def analysis(self, answer: Answer) -> list[int]:
        """Analysis message with an answer's reason, and the start of the next message. Raises ModelError if there is no reason."""
        if answer.reason is None:
            raise ModelError(
                f"the answer {answer.label} has no reason to render", hint="give every problem a reason, or train without reasons"
            )
        return self.analysis_of(self.encode(answer.reason))

    def analysis_of(self, reason_ids: Sequence[int]) -> list[int]:
        """Analysis message with the token ids of a reason, and the start of the next message."""
        return [*self.channel("analysis"), *reason_ids, self.end_id, *self._start("assistant")]

    def conversation(self, messages: Sequence[Message], *, effort: Literal["low", "medium", "high"] | None = None) -> Rendered:
        """Several turns after the system and developer messages.

        The loss counts the tokens of an assistant's turn after its first "<|start|>assistant", if the turn's weight is 1. Earlier turns
        keep their analyses.

        Args:
            messages: alternating turns, from a user's to an assistant's.
            effort: reasoning effort; None for the settings' effort.

        Raises:
            ModelError: the turns do not alternate, or nothing is left to train on.
        """
        check_turns(messages)
        rendered = Rendered()
        rendered.add(self._prefix(effort or self.settings.effort))
        for number, message in enumerate(messages):
            if message.role == "user":
                rendered.add(self._message("user", message.content))
                continue
            last = number == len(messages) - 1
            rendered.add(self._start("assistant"))
            turn = [] if message.thinking is None else self.analysis_of(self.encode(message.thinking))
            turn += [*self.channel("final"), *self.encode(message.content), self.answer_end if last else self.end_id]
            rendered.add(turn, trained=message.weight == 1)
        return rendered

    def label_ids(self, label_id: str) -> list[int]:
        """Token ids of a label as JSON, without quotes. Raises ModelError if the label is not in the taxonomy."""
        if label_id not in self.taxonomy:
            near = ", ".join(self.taxonomy.nearest(label_id))
            raise ModelError(
                f"label {label_id!r} is not in the taxonomy {self.taxonomy.source}", hint=f"did you mean {near}?" if near else ""
            )
        return self.encode(json.dumps(label_id, ensure_ascii=False)[1:-1])

    def answer_json(self, answer: Answer) -> str:
        """The final message: compact JSON with the label first, then the answer's fields in the order of the settings."""
        return answer_json(answer, self.answer)

    def parse(self, completion: Sequence[int] | str) -> Answer:
        """The answer in a completion, given as token ids or text. Raises ModelError for everything that `completion` does not write."""
        parts = split_text(completion) if isinstance(completion, str) else split_ids(completion, self.tokenizer, self._id)
        return parse_completion(parts, self.answer, self.taxonomy)

    def _rest(self, answer: Answer) -> str:
        """The JSON after the label's closing quote."""
        return rest_of(answer, self.answer)

    def _prompt(self, user: str, effort: str) -> list[int]:
        return [*self._prefix(effort), *self._message("user", user), *self._start("assistant")]

    def _prefix(self, effort: str) -> list[int]:
        """System and developer message."""
        if effort not in self._prefixes:
            system = _SYSTEM.format(date=self.settings.date, effort=effort)
            self._prefixes[effort] = [*self._message("system", system), *self._message("developer", self._developer)]
        return self._prefixes[effort]

    def _message(self, role: str, text: str) -> list[int]:
        return [*self._start(role), self._id["<|message|>"], *self.encode(text), self.end_id]

    def _start(self, role: str) -> list[int]:
        return [self._id["<|start|>"], *self.encode(role)]


def control_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """Token ids of the Harmony control tokens. Raises ModelError if the tokenizer lacks one."""
    known = tokenizer.get_added_vocab()
    absent = [token for token in CONTROL if token not in known]
    if absent:
        raise ModelError(
            f"the tokenizer has no Harmony control token {', '.join(absent)}",
            hint="use a gpt-oss checkpoint with its original tokenizer",
        )
    return {token: int(known[token]) for token in CONTROL}
