"""Rows in which completions share their prompt, by hand; log-probabilities against a plain log-softmax."""

from __future__ import annotations

import pytest
import torch

from prefopt.errors import TrainingError
from prefopt.model.head import Head
from recipes.logprobs import score_tokens
from recipes.packing import pack, pair_batch, visible


def test_a_packed_row_by_hand():
    """Prompt 1 2, completions 5 6 7 and 5 8: the trunk is 1 2 5, the branches 6 7 and 8; 7 and 8 predict nothing and are left out."""
    packed = pack([([1, 2], [[5, 6, 7], [5, 8]]), ([3], [[4], [9]])], padding=0)
    assert packed["input_ids"].tolist() == [[1, 2, 5, 6], [3, 0, 0, 0]]
    assert packed["position_ids"].tolist() == [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert packed["segments"].tolist() == [[0, 0, 0, 1], [0, -1, -1, -1]]
    # scored: 5 after 2; 6 after 5; 7 after 6; 8 after 5 again; then 4 and 9 after 3
    columns = packed["kept"][packed["rows"], packed["places"]]
    scored = list(zip(packed["rows"].tolist(), columns.tolist(), packed["targets"].tolist(), strict=True))
    assert scored == [(0, 1, 5), (0, 2, 6), (0, 3, 7), (0, 2, 8), (1, 0, 4), (1, 0, 9)]
    assert packed["cells"].tolist() == [[0, 1, 2], [4, -1, -1], [0, 3, -1], [5, -1, -1]]


def test_a_single_completion_and_one_that_is_a_prefix():
    alone = pack([([1, 2], [[3, 4]])], padding=0)
    assert alone["input_ids"].tolist() == [[1, 2, 3]]
    assert alone["cells"].tolist() == [[0, 1]]
    within = pack([([1], [[3, 4], [3]])], padding=0)
    assert within["input_ids"].tolist() == [[1, 3]]
    columns = within["kept"][within["rows"], within["places"]]
    assert list(zip(columns.tolist(), within["targets"].tolist(), strict=True)) == [(0, 3), (1, 4)]
    assert within["cells"].tolist() == [[0, 1], [0, -1]]


def test_a_branch_sees_the_trunk_and_itself():
    packed = pack([([1, 2], [[5, 6, 9], [7, 8, 9]]), ([1], [[2], [3]])], padding=0)
    sees = visible(packed["segments"], packed["position_ids"])[0].int().tolist()
    assert sees == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]
    assert visible(packed["segments"], packed["position_ids"])[1].int().tolist() == torch.eye(6).int().tolist()


def test_what_cannot_be_packed_is_refused():
    for trees in ([([], [[1]])], [([1], [[]])], [([1], [[2]]), ([1], [[2], [3]])]):
        with pytest.raises(TrainingError, match="cannot pack"):
            pack(trees, padding=0)


def test_likelihood_tokens_are_those_of_chosen_answers_without_ties():
    row = {"prompt_ids": [1], "chosen_ids": [2, 3], "rejected_ids": [4], "weight": 1.0}
    batch = pair_batch([row, row | {"tie": True}, row | {"reference": [0.5, 1.5]}], padding=0)
    assert batch["counts"].tolist() == [3.0, 4.0, 0.0]
    assert pair_batch([row, row | {"example": True}], padding=0)["counts"].tolist() == [1.0, 2.0, 2.0], "examples by themselves"
    batch = pair_batch([row | {"reference": [0.5, 1.5]}, row | {"reference": [2.5, 3.5]}], padding=0)
    assert batch["reference"].tolist() == [0.5, 2.5, 1.5, 3.5]


@pytest.mark.parametrize("bias", [False, True])
def test_scored_tokens_equal_a_plain_log_softmax(bias: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recipes.logprobs.TOKENS_PER_BLOCK", 3)
    monkeypatch.setattr("recipes.logprobs.BLOCK_BYTES", 4 * 3 * 7)  # seven words of the vocabulary
    generator = torch.Generator().manual_seed(0)
    head = torch.nn.Linear(8, 50, bias=bias).requires_grad_(False)
    hidden = torch.randn(10, 8, generator=generator, requires_grad=True)
    targets, wanted = torch.randint(0, 50, (10,), generator=generator), torch.randn(10, generator=generator)
    ours_of = Head(head.weight, head.bias)
    found = score_tokens(hidden, ours_of, targets)
    (found.log_probs * wanted).sum().backward()
    ours, hidden.grad = hidden.grad, None
    plain = head(hidden).log_softmax(-1)
    expected = plain.gather(1, targets[:, None]).squeeze(1)
    (expected * wanted).sum().backward()
    torch.testing.assert_close(found.log_probs, expected)
    torch.testing.assert_close(ours, hidden.grad)
    torch.testing.assert_close(found.entropy, -(plain.exp() * plain).sum(-1))
    torch.testing.assert_close(found.mean_logit, head(hidden).mean(-1))
    assert found.top.tolist() == (plain.argmax(-1) == targets).float().tolist()
    assert torch.equal(score_tokens(hidden.detach(), ours_of, targets, log_probs_only=True).log_probs, found.log_probs)
