"""What `prefopt predict` and `prefopt export` print when they are done."""

from __future__ import annotations

from typing import Any

from prefopt.cli import console
from prefopt.deploy.mixer import is_mixed
from prefopt.deploy.predict_file import PredictionFile
from prefopt.deploy.predictor import Predictor
from prefopt.model.export import COMPARED, Exported
from prefopt.project.project import Round
from prefopt.report.wording.mixture import weights_in_words
from prefopt.report.wording.sections import no_acceptance


def predicted_json(predictor: Predictor, done: PredictionFile) -> dict[str, Any]:
    """What --json prints of a file of predictions."""
    written = {"out": str(done.path), "problems": done.problems, "accepted": done.accepted, "resumed": done.resumed}
    return {**written, "round": predictor.round.number, "classifier": predictor.classifier}


def exported_json(done: Exported, rnd: Round) -> dict[str, Any]:
    """What --json prints of an export."""
    exported = {"out": str(done.path), "layout": done.layout, "bytes": done.bytes, "lost": done.lost}
    parity = done.parity.model_dump() if done.parity else None
    return {**exported, "round": rnd.number, "parity": parity, "mixture": is_mixed(done.path)}


def print_predictions(predictor: Predictor, done: PredictionFile) -> None:
    """Print where the predictions are, how many can be accepted unread, and which groups have undecided label sets."""
    found = predictor.calibration.in_use.acceptance
    before = f", {done.resumed} of them by an interrupted run" if done.resumed else ""
    mixed = "" if predictor.mixer is None else f", mixed with TF-IDF ({weights_in_words(predictor.mixer.weights)})"
    console.out.print(f"{done.path}: {done.problems} problems by the adapter of round {predictor.round.name}{mixed}{before}", markup=False)
    if found.threshold is None:
        why = f" ({no_acceptance(found).en})" if found.cause else ""
        text = f"all to review: no confidence keeps the error at {found.agreed_error:.0%} with {found.guarantee:.0%} certainty{why}"
    else:
        text = (
            f"accept {done.accepted}, review {done.problems - done.accepted} "
            f"(confidence of {found.threshold:.3f} or more: at most {found.agreed_error:.0%} wrong, {found.guarantee:.0%} certain)"
        )
    console.out.print(text, markup=False)
    if few := predictor.undecided_groups:
        console.out.print(f"too few hold-out problems; every label set contains all labels of: {', '.join(few)}", markup=False)


def print_export(done: Exported, rnd: Round) -> None:
    """Print where the export is, and how much it differs from the trained model."""
    console.out.print(f"{done.path}: the adapter of round {rnd.name}, {done.layout}, {done.bytes / 2**20:.1f} MiB", markup=False)
    if is_mixed(done.path):
        console.out.print("with the TF-IDF classifier that predict mixes it with: mixture.json, tfidf.safetensors (see README.md)")
    if done.lost is not None:
        console.out.print(f"re-quantizing changed the experts {done.lost:.2g} times as much as the training did", markup=False)
    if done.layout not in COMPARED:
        console.out.print("compare it where it is served: prefopt engine check URL (how to start it: see README.md)", markup=False)
    elif (parity := done.parity) is None:
        console.out.print("not compared with the model that was trained", markup=False)
    else:
        console.out.print(
            f"{parity.against} against base and adapter as trained, {parity.positions} positions in {parity.dtype}: largest difference of "
            f"a logit {parity.max_difference:.2g}, KL divergence {parity.kl:.2g} nats, same most likely token {parity.same_top:.1%}",
            markup=False,
        )
