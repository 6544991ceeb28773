"""Odds ratio preference optimization (Hong et al. 2024, https://arxiv.org/abs/2403.07691) of the parent adapter: no reference model.

The loss is the negative log-likelihood of the chosen answer plus beta times the odds ratio term over mean token log-probabilities.

engine "shared": each pair is one row, in which the prompt is computed once; no logits but those of the answers, in chunks.
engine "trl": trl.experimental.orpo for the odds ratio, how the two parts are put together, metrics and training loop; ours are the token
ids (TRL would put a begin token before Harmony's first message and cut long rows), the weights of pairs, and the forward pass: TRL counts
the prompt's tokens in the likelihood and makes logits for all of them; here both parts are over the answer alone, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prefopt.records import Pair

if TYPE_CHECKING:
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.rows import Row


class OrpoConfig(BaseModel):
    """Options of the recipe; orpo.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["shared", "trl"] = "shared"
    beta: Annotated[float, Field(gt=0)] = 0.1
    weighted: bool = True
    with_reason: bool = False
    rehearse_examples: Annotated[float, Field(ge=0, le=1)] = 0.0
    rehearse_preferences: Annotated[float, Field(ge=0, le=1)] = 0.0
    epochs: Annotated[float, Field(ge=1)] = 1.0
    batch_size: Annotated[int, Field(ge=1)] = 4
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 25
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=1)] = 3
    report_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> OrpoConfig:
        if self.engine == "trl" and self.validation_share:
            raise ValueError('validation is written for engine = "shared"; set validation_share = 0')
        if self.engine == "trl" and self.rehearse_examples:
            raise ValueError('TRL has no likelihood of examples beside preferences; set engine = "shared", or rehearse_examples = 0')
        return self


class Orpo:
    """Pairs and the parent adapter -> adapter."""

    name = "orpo"
    needs: Literal["pairs"] = "pairs"
    Config = OrpoConfig

    def extra_inputs(self, config: OrpoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the pairs and the parent adapter."""
        return frozenset({"earlier_preferences"} if config.rehearse_preferences else ())

    def train(self, job: TrainingJob, config: OrpoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rehearsal import as_pairs, rehearsed
        from recipes.rows import alike, data_of, pair_row, refuse_long, refuse_orphan, refuse_unknown_labels, unit_mean, without_ties

        refuse_orphan(job, self.name)
        extra = rehearsed(job, config)
        pairs = without_ties([*data_of(job, Pair, "wait for more rankings, or lower min_weight under [pair]"), *extra.preferences])
        refuse_unknown_labels(job, [(pair.problem.id, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])
        from recipes.training import arguments, open_adapter, quiet, run  # torch and TRL take seconds to import
        from recipes.validation import Patience, evaluation, set_aside

        with quiet():
            opened = open_adapter(job)
            weights = unit_mean([pair.weight if config.weighted else 1.0 for pair in pairs])
            rows = [
                pair_row(pair, opened.renderer, with_reason=config.with_reason)
                | {"weight": weight, "margin": 0.0, "tie": False, "example": False}
                for pair, weight in zip(pairs, weights, strict=True)
            ]
            rows += as_pairs(extra.examples, opened.renderer)
            facts = extra.metrics | alike(rows)
            refuse_long(rows, job.prompt.max_tokens)
            rows, held = set_aside(rows, config, job.seed)
            settings = arguments(job, config, opened) | evaluation(config) | {"max_length": job.prompt.max_tokens}
            if config.engine == "trl":
                stock = partial(make_trainer, opened, rows, settings, config)
                return run(job, self.name, config, opened, rows, lambda _: stock(), facts=facts)
            build = partial(make_shared_trainer, opened, rows, settings, config, held=held)
            return run(job, self.name, config, opened, rows, build, [Patience(config.patience)], facts)


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any], config: OrpoConfig) -> Any:
    """TRL's ORPOTrainer on rows of token ids, weighted pair by pair."""
    import torch
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig as TrlConfig
    from trl.experimental.orpo import ORPOTrainer
    from trl.trainer.utils import selective_log_softmax

    from recipes.training import LocalRun
    from recipes.weights import weigh

    class OddsTrainer(LocalRun, ORPOTrainer):  # type: ignore[misc]  # TRL has no types
        def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
            return {}  # the columns are there already

        def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> tuple[Any, ...]:
            """Mean log-probability of each answer, logits, and the mean negative log-likelihood of the chosen answers' tokens."""
            both = self.concatenated_inputs(batch, padding_value=self.padding_value, device=self.accelerator.device)
            ids, labels = both["concatenated_input_ids"], both["concatenated_labels"][:, 1:]
            first = int((labels != -100).any(dim=0).nonzero()[0])  # no row is scored before this position
            logits = model(
                ids,
                attention_mask=both["concatenated_attention_mask"],
                use_cache=False,
                logits_to_keep=ids.shape[1] - first,
            ).logits[:, :-1]
            scored = labels[:, first:] != -100
            log_probs = selective_log_softmax(logits, labels[:, first:].clamp(min=0)) * scored
            weights = torch.tensor(batch["weight"], dtype=torch.float32).repeat(2)
            sums, counts = weigh(log_probs, weights).sum(dim=1), scored.sum(dim=1)
            n = len(batch["weight"])
            means = sums / counts
            return means[:n], means[n:], logits[:n], logits[n:], -sums[:n].sum() / counts[:n].sum()

    columns = [{"weight": row["weight"]} | _side("chosen", row) | _side("rejected", row) | _prompt(row) for row in rows]
    return OddsTrainer(
        model=opened.model,
        args=TrlConfig(**settings, beta=config.beta),
        train_dataset=Dataset.from_list(columns),
        processing_class=opened.base.tokenizer,
    )


def _side(side: str, row: Row) -> dict[str, list[int]]:
    prompt, completion = row["prompt_ids"], row[f"{side}_ids"]
    return {
        f"{side}_input_ids": prompt + completion,
        f"{side}_attention_mask": [1] * (len(prompt) + len(completion)),
        f"{side}_labels": [-100] * len(prompt) + completion,
    }


def _prompt(row: Row) -> dict[str, list[int]]:
    return {"prompt_input_ids": row["prompt_ids"], "prompt_attention_mask": [1] * len(row["prompt_ids"])}


def make_shared_trainer(
    opened: Any, rows: list[Row], settings: dict[str, Any], config: OrpoConfig, cut: int | None = None, *, held: Sequence[Row] = ()
) -> Any:
    """The engine "shared" on one row a pair, with at most `cut` rows in a forward pass. `held`: rows to validate on."""
    import torch
    from trl.experimental.orpo import ORPOConfig as TrlConfig

    from recipes.losses import odds_ratio
    from recipes.packing import pair_batch, pair_order
    from recipes.shared import Scores, SharedTrainer, Update, choice_metrics, rehearsal_term, reward_metrics, side_metrics, updates_of

    def collate(batch: list[Row]) -> dict[str, torch.Tensor]:
        return pair_batch(batch, opened.base.tokenizer.pad_token_id)

    def preference(scores: Scores, batch: dict[str, torch.Tensor], update: Update) -> tuple[torch.Tensor, dict[str, float]]:
        n, example, weights = len(batch["weight"]), batch["example"], batch["weight"] * ~batch["example"]
        chosen, rejected = scores[:n], scores[n:]
        means = chosen.log_probs / chosen.lengths, rejected.log_probs / rejected.lengths
        log_odds = odds_ratio(*means)
        ratio = torch.nn.functional.logsigmoid(log_odds)
        total, metrics = rehearsal_term(chosen, example)
        likelihood = -((weights * chosen.log_probs).sum() + total) / (update.tokens + update.rehearsed)
        loss = likelihood - config.beta * (weights * ratio).sum() / (update.rows or 1.0)
        if example.all():
            return loss, metrics
        chosen, rejected, *values = (value.detach()[~example] for value in (chosen, rejected, *means, ratio, log_odds))
        log_probs, ratio, log_odds = values[:2], *values[2:]
        rewards = [config.beta * mean for mean in log_probs]
        return loss, metrics | side_metrics(chosen, rejected) | reward_metrics(*rewards, *log_probs) | {
            **choice_metrics(chosen.log_probs, rejected.log_probs),
            "nll_loss": (-chosen.log_probs.sum() / chosen.lengths.sum()).item(),
            "log_odds_ratio": ratio.mean().item(),
            "log_odds_chosen": log_odds.mean().item(),
        }

    args = TrlConfig(**settings, beta=config.beta)
    return SharedTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        held=held,
        tokenizer=opened.base.tokenizer,
        collate=collate,
        objective=preference,
        updates=updates_of(pair_order(rows, args.per_device_train_batch_size, args.seed), args, cut),
    )


recipe = Orpo()
