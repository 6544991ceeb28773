"""What a recipe logs of a forward pass, by TRL's names where TRL logs the same."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.logprobs import Scores


def token_metrics(scores: Scores) -> dict[str, float]:
    """Entropy per token, and the share of tokens that were the most likely ones."""
    tokens = scores.lengths.sum()
    return {"entropy": (scores.entropy.sum() / tokens).item(), "mean_token_accuracy": (scores.top.sum() / tokens).item()}


def side_metrics(chosen: Scores, rejected: Scores) -> dict[str, float]:
    """Mean logit per token on each side, entropy on both, accuracy on the chosen one."""
    both = chosen.lengths.sum() + rejected.lengths.sum()
    return {
        "entropy": ((chosen.entropy.sum() + rejected.entropy.sum()) / both).item(),
        "logits/chosen": (chosen.logit.sum() / chosen.lengths.sum()).item(),
        "logits/rejected": (rejected.logit.sum() / rejected.lengths.sum()).item(),
        "mean_token_accuracy": (chosen.top.sum() / chosen.lengths.sum()).item(),
    }


def reward_metrics(chosen: Tensor, rejected: Tensor, chosen_log_probs: Tensor, rejected_log_probs: Tensor) -> dict[str, float]:
    """Rewards [N] of each side, how often and by how much the chosen one's is higher, and the log-probabilities [N]."""
    return {
        "rewards/chosen": chosen.mean().item(),
        "rewards/rejected": rejected.mean().item(),
        "rewards/accuracies": (chosen > rejected).float().mean().item(),
        "rewards/margins": (chosen - rejected).mean().item(),
        "logps/chosen": chosen_log_probs.mean().item(),
        "logps/rejected": rejected_log_probs.mean().item(),
    }


def choice_metrics(chosen: Tensor, rejected: Tensor) -> dict[str, float]:
    """-log of the probability that the policy itself, given only these two answers, picks the chosen one; mean over pairs, from the
    answers' log-probabilities [N]. Unlike the loss it means the same for every beta, loss and reference.
    """
    return {"preference/nll": -torch.nn.functional.logsigmoid(chosen - rejected).mean().item()}


def pair_metrics(scores: Scores, rewards: Tensor, example: Tensor) -> dict[str, float]:
    """Of B pairs, with chosen answers first: scores and rewards [2B]; rehearsed examples [B] are left out. None where all are examples."""
    if example.all():
        return {}
    if example.any():
        pairs = (~example).repeat(2)
        scores, rewards = scores[pairs], rewards[pairs]
    n, log_probs = len(rewards) // 2, scores.log_probs.detach()
    sides = log_probs[:n], log_probs[n:]
    return side_metrics(scores[:n], scores[n:]) | reward_metrics(rewards[:n], rewards[n:], *sides) | choice_metrics(*sides)


def orpo_metrics(
    chosen: Scores, rejected: Scores, means: tuple[Tensor, Tensor], log_odds: Tensor, log_ratio: Tensor, beta: float
) -> dict[str, float]:
    """Of B pairs, none of them a rehearsed example.

    Args:
        chosen: scores of the chosen answers.
        rejected: scores of the rejected answers.
        means: mean token log-probability [B] of each side; beta times it is TRL's reward.
        log_odds: log of the odds ratio [B].
        log_ratio: log sigmoid of it [B].
        beta: weight of the odds ratio.
    """
    chosen_mean, rejected_mean = means
    return {
        **side_metrics(chosen, rejected),
        **reward_metrics(beta * chosen_mean, beta * rejected_mean, chosen_mean, rejected_mean),
        **choice_metrics(chosen.log_probs, rejected.log_probs),
        "nll_loss": (-chosen.log_probs.sum() / chosen.lengths.sum()).item(),
        "log_odds_ratio": log_ratio.mean().item(),
        "log_odds_chosen": log_odds.mean().item(),
    }


def judged_metrics(scores: Scores, rewards: Tensor, desirable: Tensor) -> dict[str, float]:
    """Of judged answers, each kind by itself where the batch has it."""
    metrics = {"entropy": (scores.entropy.sum() / scores.lengths.sum()).item()} if len(rewards) else {}
    for side, rows in (("chosen", desirable), ("rejected", ~desirable)):
        if rows.any():
            metrics[f"logits/{side}"] = (scores.logit[rows].sum() / scores.lengths[rows].sum()).item()
            metrics[f"rewards/{side}"] = rewards[rows].mean().item()
            metrics[f"logps/{side}"] = scores.log_probs.detach()[rows].mean().item()
    if "rewards/chosen" in metrics and "rewards/rejected" in metrics:
        metrics["rewards/margins"] = metrics["rewards/chosen"] - metrics["rewards/rejected"]
    return metrics
