"""Memory that runs out while labels are scored and texts are written: the results are those of smaller batches.

No GPU is needed. Its stand-in is a hook on the decoder that raises what torch raises there, for batches that are too large for it; in
test_scoring_survives_a_real_limit_of_memory, the operating system refuses memory to torch's own allocator.
"""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from prefopt.cli.app import main
from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.model.general import nats_per_token
from prefopt.model.generation import ConstrainedText, SampledText, chance, write
from prefopt.model.head import Head
from prefopt.model.load import load_base
from prefopt.model.out_of_memory import FittingRows, free_bytes, is_out_of_memory
from prefopt.model.policy import Policy
from prefopt.model.posterior import LabelTree, bytes_of_row, label_log_likelihoods, one_by_one
from prefopt.model.support import support_of
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy

TREE = LabelTree([[7, 8, 13], [9, 13], [7, 9, 10, 13], [11, 13]])
PROMPT = PromptSettings(instructions="분류하라.")


def prompts(lengths: tuple[int, ...]) -> list[list[int]]:
    draw = random.Random(0)
    return [[draw.randrange(3, 400) for _ in range(length)] for length in lengths]


@pytest.fixture
def lm(gptoss_path: Path) -> Any:
    """Loaded for each test: what fitted is remembered with the model."""
    return load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model


@contextmanager
def memory_for(lm: Any, fits: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """A GPU that holds a forward pass of (rows, tokens) if `fits` says so; the list gets the rows of those that it does not hold."""
    failed: list[int] = []

    def limit(_: Any, args: Any, kwargs: Any) -> None:
        rows, tokens = (args[0] if args else kwargs["input_ids"]).shape
        if not fits(rows, tokens):
            failed.append(rows)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    hook = lm.get_decoder().register_forward_pre_hook(limit, with_kwargs=True)
    try:
        yield failed
    finally:
        hook.remove()


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "prefopt.model"]


def test_scoring_goes_on_with_half_of_the_problems(lm: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each halving is said once, also when labels are scored again, and every number is that of the batch size set by hand."""
    some, steps = prompts(tuple(40 + i % 7 for i in range(19))), []
    expected = label_log_likelihoods(lm, some, TREE, batch_size=4)
    with memory_for(lm, lambda rows, _: rows <= 5) as failed, caplog.at_level(logging.WARNING):
        found = label_log_likelihoods(lm, some, TREE, batch_size=16, on_step=lambda done, total, _: steps.append((done, total)))
        again = label_log_likelihoods(lm, some, TREE, batch_size=16)
    assert np.array_equal(found, expected)
    assert np.array_equal(again, expected)
    assert steps == [(4, 19), (8, 19), (12, 19), (16, 19), (19, 19)]
    assert failed == [16, 8]
    assert messages(caplog) == [
        "scoring 16 problems at once needs more memory than there is; going on with 8",
        "scoring 8 problems at once needs more memory than there is; going on with 4",
    ]


def test_long_problems_are_halved_when_they_come(lm: Any) -> None:
    some, steps = prompts((90, 20, 85, 30, 95, 22, 24, 80, 26, 28)), []
    expected = label_log_likelihoods(lm, some, TREE, batch_size=1)
    with memory_for(lm, lambda rows, tokens: rows * tokens <= 250) as failed:
        found = label_log_likelihoods(lm, some, TREE, batch_size=6, on_step=lambda done, *_: steps.append(done))
    assert np.abs(found - expected).max() < 1e-5
    assert (failed, steps) == ([4], [6, 8, 10])


def test_chunks_of_a_run_that_was_resumed_with_less_memory_equal_those_of_one_run(lm: Any) -> None:
    """As `calibrate` and `predict` keep them."""
    some = prompts(tuple(40 + i % 5 for i in range(16)))
    whole = label_log_likelihoods(lm, some, TREE, batch_size=8)
    first = label_log_likelihoods(lm, some[:8], TREE, batch_size=8)
    with memory_for(lm, lambda rows, _: rows <= 3):
        second = label_log_likelihoods(lm, some[8:], TREE, batch_size=8)
    assert np.abs(np.concatenate([first, second]) - whole).max() < 1e-5


def test_one_problem_that_does_not_fit_is_an_error_in_words(lm: Any) -> None:
    """The hint is followed: with a shorter problem, scoring works."""
    with memory_for(lm, lambda _, tokens: tokens <= 70):
        match = r"one problem \(the longest prompt has 90 tokens\) with its labels needs more memory than there is: CUDA out of memory"
        with pytest.raises(ModelError, match=match) as raised:
            label_log_likelihoods(lm, prompts((20, 90)), TREE, batch_size=2)
        assert raised.value.hint == "free memory on this machine, or shorten the longest problem"
        assert label_log_likelihoods(lm, prompts((20, 60)), TREE, batch_size=2).shape == (2, 4)


def test_labels_that_are_scored_one_by_one_are_halved(lm: Any) -> None:
    tree = LabelTree([[i, 13] for i in range(20, 31)])
    (prompt,) = prompts((30,))
    expected = one_by_one(lm, prompt, tree)
    with memory_for(lm, lambda rows, _: rows <= 3) as failed:
        found = one_by_one(lm, prompt, tree)
    assert failed == [11, 5]
    assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize("after", [1, 4])
def test_texts_are_written_from_the_beginning_in_halves(lm: Any, after: int, caplog: pytest.LogCaptureFixture) -> None:
    """Memory runs out at once or in the middle of a text; requests, random numbers and texts stay together."""
    some, calls, steps = prompts(tuple(20 + i for i in range(7))), [], []

    def writer() -> SampledText:
        return SampledText([chance("text", i) for i in range(7)], temperature=1.0, ends=list(range(0, 400, 9)), banned=[5, 6], max_tokens=9)

    def fits(rows: int, _: int) -> bool:
        calls.append(rows)
        return rows <= 2 or calls.count(rows) < after

    by_hand, limited = writer(), writer()
    expected = write(lm, some, by_hand, batch_size=7)
    with memory_for(lm, fits) as failed, caplog.at_level(logging.WARNING):
        found = write(lm, some, limited, batch_size=7, on_step=lambda done, total, _: steps.append((done, total)))
    assert failed
    assert found == expected
    assert limited.ended == by_hand.ended
    assert any(len(text) > after for text in found)
    assert steps[-1] == (7, 7)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert messages(caplog)[0] == f"writing {failed[0]} texts at once needs more memory than there is; going on with {failed[0] // 2}"


def test_answers_under_a_grammar_and_posteriors_after_analyses_equal_those_of_smaller_batches(gptoss_path: Path) -> None:
    """Through the policy, as `sample` and `calibrate` use it."""
    found = []
    for most in (2, 8):
        policy = Policy.open(ModelSettings(path=str(gptoss_path), device="cpu"), None, PROMPT, AnswerSettings(), builtin_taxonomy())
        head = policy.base.model.lm_head
        bias = torch.full((head.out_features,), -30.0)
        bias[[policy.renderer.encode(c)[0] for c in "abcdefg0123"]] = 0.0
        bias[policy.renderer.stop_ids[0]] = 1.0
        head.bias = torch.nn.Parameter(bias, requires_grad=False)
        problems = [Problem(id=f"p{i}", text=f"사과 {i}개 더하기 {i * 7}개는?") for i in range(5)]
        requests = [(problem, list(policy.taxonomy.ids[i : i + 2])) for i, problem in enumerate(problems)]
        with memory_for(policy.base.model, lambda rows, _: rows <= 2) as failed:
            answers = policy.propose(requests, batch_size=most)
            posteriors = policy.posterior(problems, analyses=2, batch_size=most)
        assert bool(failed) == (most == 8)
        found.append((answers, posteriors))
    (expected, by_hand), (answers, posteriors) = found
    assert answers == expected
    assert posteriors.problem_ids == by_hand.problem_ids
    assert np.abs(posteriors.log_probs - by_hand.log_probs).max() < 1e-5


def test_a_grammar_begins_where_it_began(gptoss_path: Path) -> None:
    policy = Policy.open(ModelSettings(path=str(gptoss_path), device="cpu"), None, PROMPT, AnswerSettings(), builtin_taxonomy())
    writer = ConstrainedText([policy.grammar.matcher(("A", "B"))])
    logits = torch.randn(1, policy.vocabulary_size, generator=torch.Generator().manual_seed(0))
    first = [writer.choose([0], logits) for _ in range(5)]
    writer.restart(0)
    assert [writer.choose([0], logits) for _ in range(5)] == first


def test_one_text_that_does_not_fit_is_an_error_in_words(lm: Any) -> None:
    writer = SampledText([chance("one")], temperature=1.0, ends=[], banned=[], max_tokens=2)
    with memory_for(lm, lambda _, tokens: tokens <= 20), pytest.raises(ModelError, match=r"writing one text \(the longest prompt has 30"):
        write(lm, prompts((30,)), writer, batch_size=1)


def test_the_forgetting_score_halves_its_logits(lm: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    texts, real, seen = prompts((80, 33)), Head.logits, []
    expected = nats_per_token(lm, texts)

    def logits(self: Head, hidden: torch.Tensor) -> torch.Tensor:
        seen.append(len(hidden))
        if len(hidden) > 20:
            torch.empty(2**50)  # torch's own allocator fails
        return real(self, hidden)

    monkeypatch.setattr(Head, "logits", logits)
    with caplog.at_level(logging.WARNING):
        found = nats_per_token(lm, texts)
    assert np.abs(found - expected).max() < 1e-5
    assert seen == [79, 39, 19, 19, 19, 19, 3, 19, 13]
    assert messages(caplog)[-1] == "computing logits at 39 positions at once needs more memory than there is; going on with 19"


def test_a_text_that_does_not_fit_is_an_error_in_words(lm: Any) -> None:
    with memory_for(lm, lambda _, tokens: tokens <= 70), pytest.raises(ModelError, match=r"scoring one rehearsal text .* 80 tokens"):
        nats_per_token(lm, prompts((60, 80)))


def test_exhausted_memory_is_not_taken_for_a_fault_of_the_model() -> None:
    """`check --load-model` compares forward passes on long rows; on a CPU torch raises a plain RuntimeError there."""
    config = LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=500)
    lm = LlamaForCausalLM(config).eval()

    def limit(_: Any, args: Any, kwargs: Any) -> None:
        if (args[0] if args else kwargs["input_ids"]).shape[1] > 200:
            torch.empty(2**50)

    hook = lm.get_decoder().register_forward_pre_hook(limit, with_kwargs=True)
    with pytest.raises(ModelError, match=r"rows of up to 300 tokens needs more memory than there is: .*allocate") as raised:
        support_of(lm, 300)
    assert "max_tokens under [prompt]" in raised.value.hint
    assert support_of(lm, 150).packed == ""
    hook.remove()
    assert (support_of(lm, 300).packed, support_of(lm, 300).way) == ("", "batched")


def test_a_model_that_does_not_fit_is_an_error_in_words(gptoss_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefopt.model.load.fill_gpt_oss", lambda *_, **__: torch.empty(2**50))
    with pytest.raises(ModelError, match=r"loading .* needs more memory than there is: .*can't allocate memory") as raised:
        load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    assert "prefopt plan" in raised.value.hint


def test_what_a_failed_attempt_held_is_free_in_the_next(lm: Any) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def attempt(rows: int) -> int:
        assert all(tensor() is None for tensor in held)
        large = torch.zeros(rows)
        held.append(weakref.ref(large))
        if rows > 1:
            torch.empty(2**50)
        return int(large.numel())

    assert FittingRows(lm, "adding {} rows", alone="", hint="").run(attempt, 8) == (1, 1)
    assert len(held) == 4


def test_other_faults_are_raised_as_they_are(lm: Any) -> None:
    with pytest.raises(RuntimeError, match="another fault"):
        FittingRows(lm, "adding {} rows", alone="", hint="").run(lambda _: (_ for _ in ()).throw(RuntimeError("another fault")), 8)


def test_exhausted_memory_is_recognized_however_it_is_reported() -> None:
    for allocate in (lambda: torch.empty(2**50), lambda: np.empty(2**55), lambda: bytearray(2**55)):
        with pytest.raises((RuntimeError, MemoryError)) as raised:
            allocate()
        assert is_out_of_memory(raised.value)
    cuda = "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError(cuda))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(OSError(2, "No such file"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_no_command_ends_with_a_traceback_where_memory_ran_out(
    error: RuntimeError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(**_: Any) -> None:
        raise error

    monkeypatch.setattr("prefopt.cli.app.app", run)
    with pytest.raises(SystemExit):
        main()
    printed = " ".join(capsys.readouterr().err.split())
    assert "this command needs more memory than there is" in printed
    assert "prefopt plan" in printed


def test_batches_are_planned_to_fit_into_the_memory_that_is_free(lm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, where the policy measures it; too little of it is no error, unlike posterior.memory_mb."""
    monkeypatch.setattr("prefopt.model.posterior.CPU_ATTENTION_BYTES", 2**40)
    some, all_steps = prompts((300,) * 6), []
    row = bytes_of_row(lm, 300 + len(TREE.inner), 0, fused=True)
    assert row < bytes_of_row(lm, 300 + len(TREE.inner), 0)
    expected = label_log_likelihoods(lm, some, TREE, batch_size=6)
    for free, memory_mb in ((10**12, 0), (2 * row * 8 // 5 + 8, 0), (row // 9, 0), (0, 0), (row // 9, 10**6)):
        steps: list[int] = []
        options: dict[str, Any] = {"batch_size": 6, "memory_mb": memory_mb, "free_bytes": free}
        found = label_log_likelihoods(lm, some, TREE, **options, on_step=lambda done, *_, steps=steps: steps.append(done))
        assert np.abs(found - expected).max() < 1e-5
        all_steps.append(steps)
    one = [1, 2, 3, 4, 5, 6]
    assert all_steps == [[6], [2, 4, 6], one, one, [6]]
    assert free_bytes(lm) is None


LIMITED = """
import resource, sys
import numpy as np
import prefopt.model.posterior as posterior
from prefopt.config import ModelSettings
from prefopt.model.load import load_base
from tests.model.test_out_of_memory import TREE, prompts

posterior.CPU_ATTENTION_BYTES = 2**40
lm, some = load_base(ModelSettings(path=sys.argv[1], device="cpu")).model, prompts((int(sys.argv[3]),) * 48)
expected = posterior.label_log_likelihoods(lm, some, TREE, batch_size=6)
used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20,) * 2)
steps = []
found = posterior.label_log_likelihoods(lm, some, TREE, batch_size=48, on_step=lambda done, *_: steps.append(done))
print(np.abs(found - expected).max() < 1e-4, steps[0] < 48, steps == sorted(set(steps)), steps[-1])
"""


def limited(*arguments: object) -> subprocess.CompletedProcess[str]:
    """LIMITED in a process of its own, whose allocator gives back to the system what is freed."""
    command = [sys.executable, "-c", LIMITED, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"})


def test_scoring_survives_a_real_limit_of_memory(gptoss_path: Path) -> None:
    """48 rows take several hundred MiB, 150 are left; the message is printed although the program configures no logging."""
    done = limited(gptoss_path, 150, 500)
    assert done.stdout == "True True True 48\n", done.stderr[-3000:]
    assert done.stderr.splitlines()[0] == "scoring 48 problems at once needs more memory than there is; going on with 24"


def test_one_problem_beyond_a_real_limit_of_memory_is_an_error_in_words(gptoss_path: Path) -> None:
    done = limited(gptoss_path, 1, 700)
    assert "ModelError: scoring one problem (the longest prompt has 700 tokens) with its labels needs more" in done.stderr
