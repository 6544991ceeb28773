"""What the product computes on a checkpoint, against stock transformers: the label posterior, the score against forgetting, texts written
under a grammar and by chance, and the log-probabilities that both training engines start from."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.errors import PrefoptError
from prefopt.model.adapters import AdapterCard, fresh_adapter, save_adapter
from prefopt.model.chat import renderer_for
from prefopt.model.general import nats_per_token
from prefopt.model.generation import AnswerGrammar, ConstrainedText, SampledText, chance, write
from prefopt.model.load import Base, load_base
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from prefopt.model.support import support_of
from prefopt.protocols import TrainingJob
from prefopt.taxonomy import Taxonomy, parse_taxonomy
from recipes import dpo, sft
from recipes.tokenization import pair_rows
from recipes.training import quiet
from tests.recipes.recipe_cases import LABELS, SMALL, pair, problem
from tests.zoo import oracle

TOLERANCE = 1e-5
"""In nats, of a sum of log-probabilities; a hundred thousandth of the sum where that is more."""
CODES = (*LABELS, *(f"[{band}수0{i}-1{i}]" for band in (2, 4) for i in range(1, 5)))
PARTS = ("posterior", "forgetting", "generation", "sft/prompt_sharing", "sft/trl", "dpo/prompt_sharing", "dpo/trl")
Outcome = Literal["right", "refused", "FAILED"]
Attention = Literal["auto", "eager"]


@dataclass(frozen=True)
class Result:
    """Of one part: how it ended, the largest difference from the oracle in nats, and what was said."""

    outcome: Outcome
    difference: float = 0.0
    words: str = ""


@dataclass
class Findings:
    """Of one checkpoint."""

    name: str
    parts: dict[str, Result] = field(default_factory=dict)
    looks_ahead: float = 0.0
    """oracle.looks_ahead of the stock model."""
    slower: dict[str, str] = field(default_factory=dict)
    """What the product computes in a slower way on this model, and why; see Support."""

    @property
    def kind(self) -> str:
        """right; falls back: some of it in a slower way, or refused, and what is computed is right; refused; FAILED."""
        outcomes = [result.outcome for result in self.parts.values()]
        if "FAILED" in outcomes:
            return "FAILED"
        if "refused" not in outcomes:
            return "falls back" if self.slower else "right"
        return "refused" if set(outcomes) == {"refused"} else "falls back"

    def as_json(self) -> dict[str, Any]:
        """For json.dumps."""
        return asdict(self) | {"kind": self.kind}

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.kind}" + (f" (looks ahead: {self.looks_ahead:.2g})" if self.looks_ahead > TOLERANCE else "")]
        lines += [f"    {what}: slower: {_short(why)}" for what, why in self.slower.items()]
        for part, result in self.parts.items():
            if result.outcome != "right":
                lines.append(f"    {part}: {result.outcome}: {result.words}")
        return "\n".join(lines)


def check(name: str, path: Path, folder: Path, parts: Sequence[str] = PARTS, attention: Attention = "auto") -> Findings:
    """Compare the product with the oracle on a checkpoint.

    Args:
        name: shown with the findings.
        path: the checkpoint.
        folder: for adapters and runs.
        parts: of PARTS.
        attention: model.attention. Where "auto" is refused and the words name eager attention, that is tried, too.
    """
    findings = Findings(name)

    def attempt(part: str, run: Callable[[], float]) -> None:
        try:
            difference = run()
        except PrefoptError as error:
            findings.parts[part] = Result("refused", words=_short(str(error)))
        except Exception as error:  # the zoo exists to list them
            findings.parts[part] = Result("FAILED", words=_last_words(error))
        else:
            wrong = not difference <= TOLERANCE
            findings.parts[part] = Result("FAILED" if wrong else "right", difference, _apart_in_words(difference) if wrong else "")

    bench: list[Bench] = []

    def load(attention: Attention) -> float:
        bench.append(Bench(path, folder, attention))
        return 0.0

    attempt("load", partial(load, attention))
    if attention == "auto" and findings.parts["load"].outcome == "refused" and "eager" in findings.parts["load"].words:
        attempt("load, eager", partial(load, "eager"))
    if bench:
        findings.looks_ahead, findings.slower = bench[0].looks_ahead, bench[0].slower()
        checks = bench[0].checks()
        for part in parts:
            attempt(part, checks[part])
    return findings


def _last_words(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename] or traceback.extract_tb(
        error.__traceback__
    )
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{type(error).__name__} at {where}: {_short(str(error))}"


def _apart_in_words(difference: float) -> str:
    return f"differs by {difference:.3g}" if np.isfinite(difference) else "another text, or a number that is not finite"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 400 else f"{words[:200]} ... {words[-200:]}"


class Bench:
    """A checkpoint as the product loads it, and as stock transformers does.

    Args:
        path: the checkpoint.
        folder: for adapters and runs.
        attention: model.attention; the oracle's is the same where it is eager, and else the library's default.
    """

    def __init__(self, path: Path, folder: Path, attention: Attention = "auto") -> None:
        self.path, self.folder = path, folder
        self.settings = ModelSettings(path=str(path), device="cpu", quantized=False, attention=attention)
        with quiet():
            self.base: Base = load_base(self.settings)
            self.stock = oracle.stock(path, "eager" if attention == "eager" else None)

        def encode(text: str) -> list[int]:
            return list(self.base.tokenizer(text, add_special_tokens=False)["input_ids"])

        begin = encode("Read the task below, then name its standard. 두 자리 수의 덧셈과 뺄셈을 한다.")
        rests = (
            "사과",
            "분모가 같은 분수의 크기",
            "Boxes of 24, 57 and 8 apples: 직사각형의 넓이를 구하는 방법을 설명하라. Labels: name, level, reason. 이 문제를 분류한다.",
        )
        self.prompts = [begin + encode(rest + ' {"standard":"') for rest in rests]
        self.labels = [[*encode(code), *encode('"')] for code in CODES]
        self.looks_ahead = oracle.looks_ahead(self.stock, self.prompts[0][:40])

    def slower(self) -> dict[str, str]:
        """What the product found that it cannot compute in its fast way."""
        support = support_of(self.base.model)
        reasons = {"packed rows": support.packed, "shared prefix": support.prefix, "generation": support.way}
        return {what: why for what, why in reasons.items() if why not in ("", "batched")}

    def checks(self) -> dict[str, Callable[[], float]]:
        """Of each part, the function that returns the largest difference from the oracle, in nats."""
        return {
            "posterior": self.posterior,
            "forgetting": self.forgetting,
            "generation": self.generation,
            **{f"sft/{engine}": lambda engine=engine: self.sft(engine) for engine in ("prompt_sharing", "trl")},
            **{f"dpo/{engine}": lambda engine=engine: self.dpo(engine) for engine in ("prompt_sharing", "trl")},
        }

    def posterior(self) -> float:
        """log P(label | prompt) of twelve labels after three prompts that begin alike, and after one alone."""
        ours = label_log_likelihoods(self.base.model, self.prompts, LabelTree(self.labels), batch_size=3)
        alone = label_log_likelihoods(self.base.model, self.prompts[1:2], LabelTree(self.labels), batch_size=1)
        theirs = oracle.label_log_likelihoods(self.stock, self.prompts, self.labels)
        return max(_apart(ours, theirs), _apart(alone, theirs[1:2]))

    def forgetting(self) -> float:
        """Nats per token of texts."""
        return _apart(nats_per_token(self.base.model, self.prompts), oracle.nats_per_token(self.stock, self.prompts))

    def generation(self) -> float:
        """Texts of a batch, under a grammar and by chance: 0 where they are the oracle's, infinite where not."""
        base, width = self.base, oracle.log_probabilities(self.stock, self.prompts[0][:2]).shape[1]
        grammar = AnswerGrammar(base.tokenizer, width, AnswerSettings(fields=("level", "difficulty")))

        def constrained() -> ConstrainedText:
            return ConstrainedText([grammar.matcher(("A", "B", "C")) for _ in self.prompts])

        def sampled() -> SampledText:
            generators = [chance(row) for row in range(len(self.prompts))]
            return SampledText(generators, temperature=1.0, ends=[base.tokenizer.eos_token_id], banned=[0], max_tokens=6)

        for writer in (constrained, sampled):
            ours = write(base.model, self.prompts, writer(), batch_size=len(self.prompts))
            plain = writer()
            theirs = [oracle.written(self.stock, prompt, plain, row) for row, prompt in enumerate(self.prompts)]
            if ours != theirs:
                return float("inf")
        return 0.0

    def sft(self, engine: str) -> float:
        """The loss of the first update: nats per token of the answers."""
        data, config = [problem(i, reason=None) for i in range(4)], sft.SftConfig(**SMALL, engine=engine)
        (first, *_) = self._trained(f"sft-{engine}", sft.recipe, config, data, None)
        renderer = renderer_for(self.base.tokenizer, self._job.prompt, self._job.answer, self._job.taxonomy)
        rows = sft.sft_rows(data, config, renderer, self._job.seed)
        sums = [oracle.completion(self.stock, row["prompt_ids"], row["completion_ids"]) for row in rows]
        return abs(first["loss"] + sum(sums) / sum(len(row["completion_ids"]) for row in rows))

    def dpo(self, engine: str) -> float:
        """Mean sums of log-probabilities of chosen and rejected answers before the first update."""
        parent = self.folder / "parent"
        if not parent.exists():
            settings = AdapterSettings(rank=4, alpha=8, experts=False)
            base = load_base(self.settings)
            card = AdapterCard(
                parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, rank=4, alpha=8, experts=False, variant="lora"
            )
            save_adapter(fresh_adapter(base, settings, seed=0), parent, card)
        data, config = [pair(i) for i in range(4)], dpo.DpoConfig(**SMALL, engine=engine)
        (first, *_) = self._trained(f"dpo-{engine}", dpo.recipe, config, data, parent)
        renderer = renderer_for(self.base.tokenizer, self._job.prompt, self._job.answer, self._job.taxonomy)
        rows = pair_rows(data, renderer, with_reason=False, weighted=config.weighted, soft=config.soft)
        differences = []
        for side in ("chosen", "rejected"):
            sums = [oracle.completion(self.stock, row["prompt_ids"], row[f"{side}_ids"]) for row in rows]
            differences.append(_apart(np.array([first[f"logps/{side}"]]), np.array([np.mean(sums)])))
        return max(differences)

    def _trained(self, name: str, recipe: Any, config: Any, data: Sequence[Any], parent: Path | None) -> list[dict[str, float]]:
        """The metrics of every update of a small run."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        self._job = TrainingJob(
            folder=folder,
            data=data,
            parent=parent,
            sft=parent,
            taxonomy=_taxonomy(),
            model=self.settings,
            adapter=AdapterSettings(rank=4, alpha=8, experts=False),
            prompt=PromptSettings(instructions="분류한다."),
            answer=AnswerSettings(),
            seed=3,
        )
        recipe.train(self._job, config)
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def _taxonomy() -> Taxonomy:
    rows = "\n".join(f"{label},이름 {i},A|B|C,1-2학년군" for i, label in enumerate(LABELS))
    return parse_taxonomy(f"code,name,levels,band\n{rows}\n", "labels.csv")


def _apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, relative where a number is above 1; infinite where a number is not finite."""
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return float("inf")
    return float((np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))).max())
