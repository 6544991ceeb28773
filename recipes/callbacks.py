"""Callbacks of every run: metrics.jsonl, progress, complete checkpoints, and the reasons to stop."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from prefopt.errors import TrainingError
from prefopt.io.disk import naming
from prefopt.io.files import write_text
from prefopt.protocols import OnStep, finite_or_none
from recipes import distributed
from recipes.checkpoints import mark_complete
from recipes.invariants import check_reference

# num_tokens restarts in TRL when a run resumes, and times differ from run to run
_LEFT_OUT = {"step", "num_tokens", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second"}
_HINT = "lower learning_rate under the recipe's name, or look for an odd row in the data"


class MetricsWriter(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy
    """Writes metrics.jsonl, calls on_step and marks complete checkpoints, in the main process.

    Args:
        metrics: path of metrics.jsonl; one line a step, without times, so that reruns write the same bytes.
        on_step: called with (step, steps of the run, the loss in words).
        parent: adapter_digest of the parent where the trainer holds a frozen reference.
    """

    def __init__(self, metrics: Path, on_step: OnStep, parent: str | None) -> None:
        self._metrics = metrics
        self._on_step = on_step
        self._parent = parent

    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        if self._parent is not None:
            check_reference(model, self._parent)
        if state.is_world_process_zero:
            text = "".join(_json(line) for line in metric_lines(state.log_history))
            write_text(self._metrics, text)

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        for line in metric_lines(state.log_history[-1:]):
            with naming(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
                file.write(_json(line))
            note = f"loss {line['loss']:.3f}" if "loss" in line else f"validation loss {line['eval_loss']:.3f}"
            self._on_step(state.global_step, state.max_steps, note)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        distributed.barrier()  # each process has written its random state
        if state.is_world_process_zero:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        if self._parent is not None:
            check_reference(model, self._parent)


def _json(line: dict[str, Any]) -> str:
    """A line of metrics.jsonl; null where a number is not finite, which JSON cannot express."""
    return json.dumps(finite_or_none(line), allow_nan=False) + "\n"


class StopAtNonFinite(TrainerCallback):  # type: ignore[misc]  # as above
    """Stops a run before an update whose gradient is not finite, and at a loss that is not; the adapter before it is saved.

    Args:
        save: saves the adapter as it is now.
        norm: of the next update's gradient, all weights together, before it is clipped.
    """

    def __init__(self, save: Callable[[], None], norm: Callable[[], float]) -> None:
        self._save, self._norm = save, norm

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        norm = self._norm()
        if not math.isfinite(norm):
            self._stop(args, state, f"the gradient's norm is {norm}")

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        for line in metric_lines(state.log_history[-1:]):
            name = "loss" if "loss" in line else "eval_loss"
            if not math.isfinite(line[name]):  # its gradient was finite, so the update has been made
                raise TrainingError(f"step {line['step']} of {state.max_steps}: {name} is {line[name]}", hint=_HINT)

    def _stop(self, args: Any, state: Any, cause: str) -> None:
        outcome = "nothing was learned before it"
        if state.global_step > 0:
            if state.is_world_process_zero:
                self._save()
            outcome = f"the adapter after step {state.global_step} is saved in {Path(args.output_dir) / 'last-good'}"
        raise TrainingError(f"step {state.global_step + 1} of {state.max_steps}: {cause}; {outcome}", hint=_HINT)


class StopAtDrop(TrainerCallback):  # type: ignore[misc]  # as above
    """Ends a run, keeping its adapter, once the chosen answers have become less likely than under the reference by more than a limit.

    Preference losses may lower the likelihood of both answers of a pair (Razin et al. 2024, https://arxiv.org/abs/2410.08847). The last
    line of metrics.jsonl then gives the reason, under "stopped". It must come before MetricsWriter.

    Args:
        limit: nats per answer, as the mean over `window` updates.
        beta: of the rewards that are logged.
        reference: "parent" or "sft", as in the options.
        window: updates.
    """

    def __init__(self, limit: float, beta: float, reference: str = "parent", window: int = 10) -> None:
        self._limit, self._beta, self._window = limit, beta, window
        self._reference = {"parent": "the parent", "sft": "the SFT stage's adapter"}[reference]

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        rewards = [line["rewards/chosen"] for line in metric_lines(state.log_history) if "rewards/chosen" in line][-self._window :]
        drop = -sum(rewards) / len(rewards) / self._beta if len(rewards) == self._window else 0.0
        if drop > self._limit:
            averaged = f"mean of {self._window} updates, limit {self._limit:g}"
            state.log_history[-1]["stopped"] = f"chosen answers are {drop:.1f} nats less likely than under {self._reference} ({averaged})"
            control.should_training_stop = True


class EarlyStopping(TrainerCallback):  # type: ignore[misc]  # as above
    """Ends a run whose validation loss has not fallen at `patience` checkpoints in a row. It reads the log, unlike transformers'
    EarlyStoppingCallback, so that a resumed run counts the checkpoints before the interruption. It must come before MetricsWriter.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if "eval_loss" not in state.log_history[-1]:
            return
        losses = [(entry["eval_loss"], entry["step"]) for entry in state.log_history if "eval_loss" in entry]
        best, step = min(losses)
        since = len(losses) - 1 - losses.index((best, step))
        if since >= self._patience:
            state.log_history[-1]["stopped"] = (
                f"the validation loss was lowest at step {step} ({best:.4f}), {since} checkpoints ago; the adapter is that of step {step}"
            )
            control.should_training_stop = True


class Warn(TrainerCallback):  # type: ignore[misc]  # as above
    """Writes a warning into the first line of metrics.jsonl, under "warning". It must come before MetricsWriter."""

    def __init__(self, warning: str) -> None:
        self._warning = warning

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        state.log_history[0]["warning"] = self._warning


def metric_lines(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl: the logged steps and evaluations, step first, then by name."""
    return [
        {"step": entry["step"]} | {name: entry[name] for name in sorted(entry) if name not in _LEFT_OUT}
        for entry in history
        if "loss" in entry or "eval_loss" in entry
    ]
