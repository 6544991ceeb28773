"""README.md of a published round: metadata for the Hub, and what its own project measured, with intervals."""

from __future__ import annotations

from huggingface_hub import EvalResult, ModelCardData

from prefopt.calibration.result import Calibration
from prefopt.deploy.hub.lineage import CALIBRATION_FILE, DECISION_FILE, LINEAGE, TAXONOMY, Lineage, PublishedDecision, tag_of
from prefopt.grounds import Estimate
from prefopt.model.adapter_card import AdapterCard, where_adapted

_DATASET = "hold-out of the project (not published)"
_OUTCOMES = {
    "promoted": "promoted",
    "held": "held: not shown to be better than what was in use",
    "rejected": "rejected: worse than what was in use",
}


def model_card(
    repo: str, lineage: Lineage, card: AdapterCard, decision: PublishedDecision, found: Calibration, license_: str, language: str
) -> str:
    """The text of README.md.

    Args:
        repo: OWNER/NAME.
        lineage: of the round.
        card: of its adapter.
        decision: on it.
        found: its calibration, of the adapter alone.
        license_: identifier of the Hub.
        language: of the problems, ko or en.
    """
    metadata = ModelCardData(
        base_model=lineage.base.name,
        base_model_relation="adapter",
        library_name="peft",
        license=license_,
        language=language,
        pipeline_tag="text-generation",
        tags=["prefopt", "lora", "classification", "calibration", "education", lineage.recipe],
        model_name=repo.partition("/")[2],
        eval_results=_results(found),
    )
    parts = [f"---\n{metadata.to_yaml()}\n---\n", f"# {repo.partition('/')[2]}, {tag_of(lineage.round)}\n"]
    return "\n".join([*parts, _what(lineage, card, decision), _measured(found), _use(repo, lineage)])


def _results(found: Calibration) -> list[EvalResult]:
    values = (
        ("accuracy", "Accuracy", found.accuracy.value),
        ("brier_score", "Brier score (0 to 2)", found.brier.value),
        ("ece", f"Expected calibration error ({found.ece.bins} bins)", found.ece.equal_width),
    )
    return [
        EvalResult(
            task_type="text-classification",
            task_name="Classification with calibrated probabilities",
            dataset_type="hold-out",
            dataset_name=_DATASET,
            metric_type=kind,
            metric_name=name,
            metric_value=round(value, 6),
        )
        for kind, name, value in values
    ]


def _what(lineage: Lineage, card: AdapterCard, decision: PublishedDecision) -> str:
    named = f"`{lineage.base.name}`" if lineage.base.name != "tiny" else "the tiny gpt-oss that comes with prefopt (`tiny`)"
    revision = f" at `{lineage.base.revision}`" if lineage.base.revision else ""
    before = "the first adapter of its project" if lineage.parent is None else f"trained from `{tag_of(lineage.parent.round)}`"
    who = "by a person, against the written rule" if decision.by == "person" else "by the written rule"
    return (
        f"LoRA adapter of {named}{revision}: rank {card.rank}, alpha {card.alpha}, on {where_adapted(card.targets, card.experts)}. It "
        f"classifies texts by the labels in `{TAXONOMY}`.\n\nRound {lineage.round:03d}, recipe {lineage.recipe}, {before}. Decided {who}: "
        f"**{_OUTCOMES[decision.outcome]}**.\n"
    )


def _measured(found: Calibration) -> str:
    groups = f" in {found.groups} independent groups" if found.groups else ""
    level, ece = f"{found.confidence_level:.0%}", found.ece
    lines = [
        "## Measured",
        "",
        f"On {found.n} held-out problems{groups} with labels of experts, {found.labels} labels. Intervals at {level}. The problems are not "
        "published, so nobody else can repeat this.",
        "",
        f"| | value | {level} interval |",
        "|---|--:|--:|",
        f"| accuracy | {found.accuracy.value:.3f} | {_interval(found.accuracy)} |",
        f"| Brier score (0 to 2, lower is better) | {found.brier.value:.3f} | {_interval(found.brier)} |",
        f"| mean confidence minus accuracy | {found.overconfidence.value:+.3f} | {_gap(found)} |",
        f"| expected calibration error, {ece.bins} bins | {ece.equal_width:.3f} | by chance up to {ece.floor_95:.3f} |",
        f"| macro-F1 | {found.macro_f1:.3f} | |",
        "",
    ]
    accepted = found.acceptance
    if accepted.threshold is None:
        lines.append(f"No confidence keeps the error of accepted answers at {accepted.agreed_error:.0%}: every answer needs review.")
    else:
        lines.append(
            f"Answers with a confidence of {accepted.threshold:.3f} or more: at most {accepted.agreed_error:.0%} wrong, with "
            f"{accepted.guarantee:.0%} certainty, for problems like those held out."
        )
    if found.majority.accuracy:
        lines.append(f"The most frequent label for every problem would be right on {found.majority.accuracy:.1%}.")
    lines += ["These numbers are of the adapter alone, without the TF-IDF classifier that its project may mix it with.", ""]
    return "\n".join(lines)


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _gap(found: Calibration) -> str:
    gap = found.overconfidence
    return f"{gap.low:+.3f} to {gap.high:+.3f}" if found.overconfidence_known else "cannot tell"


def _use(repo: str, lineage: Lineage) -> str:
    return f"""\
## Use

```bash
pip install prefopt
prefopt init classes --from hub:{repo}@{tag_of(lineage.round)}
cd classes && prefopt predict problems.csv
```

prefopt compares every file with its digest in `{LINEAGE}`, asks the model as it was asked in training, and gives label sets and accept
or review by `{CALIBRATION_FILE}`. Other programs load the adapter with PEFT; the numbers above do not hold without the prompt that
`{LINEAGE}` has under `settings`. `{DECISION_FILE}` has the grounds of the decision.
"""
