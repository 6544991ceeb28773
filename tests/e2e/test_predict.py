"""`prefopt predict` and its Python interface on a trained adapter: killed and typed again, as CSV, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from prefopt.calibration.evaluate import Opponent, Partner, evaluate
from prefopt.calibration.mixture import FEWEST
from prefopt.calibration.mixture_result import MixtureWeights
from prefopt.calibration.posteriors import read_posteriors
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.deploy.mixer import Mixer
from prefopt.deploy.predictor import Prediction, Predictor
from prefopt.errors import CalibrationError, ConfigError, ModelError, ProjectError
from prefopt.io import chunks
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.model.policy import Policy
from prefopt.project.project import RoundKey, open_project
from prefopt.records import Answer, Problem, SlateVotes, Vote
from prefopt.rounds.artifacts import CALIBRATION, POSTERIORS, TFIDF
from prefopt.rounds.machine import advance
from prefopt.rounds.partner import AskedRound, fit_partner, known_labels
from prefopt.rounds.slates import make_slate, top_labels
from prefopt.texts.same_text import as_read
from tests.e2e.small import run
from tests.stages import finish_stage

KILLED = str(Path(__file__).with_name("killed_predict.py"))
SIGKILL = -9


@pytest.fixture(scope="module")
def project(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a base adapter that is in use, and 24 problems to classify."""
    folder = Path(shutil.copytree(_trained, tmp_path_factory.mktemp("predict") / "small"))
    run(folder, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    pool = read_rows(folder / "data" / "pool.jsonl", Problem)[:24]
    write_rows(folder / "new.jsonl", pool)
    return folder


@pytest.fixture(scope="module")
def predictor(project: Path) -> Predictor:
    return Predictor.open(project)


def test_killed_and_typed_again_no_row_is_lost_or_doubled(project, predictor, monkeypatch):
    run(project, "unnamed", "--", "predict", "new.jsonl", module=KILLED, expect=SIGKILL)
    partial = project / ".new.predictions.jsonl.partial"
    assert sorted(p.name for p in partial.glob("0*.jsonl")) == ["000000.jsonl"]
    assert not (project / "new.predictions.jsonl").exists()
    run(project, "written", "--", "predict", "new.jsonl", module=KILLED, expect=SIGKILL)
    assert partial.exists()
    last = run(project, "never", "--", "predict", "new.jsonl", "--json", module=KILLED)
    assert json.loads(last.stdout)["resumed"] == 24
    assert not partial.exists()

    monkeypatch.setattr(chunks, "SIZE", 10)
    problems = read_rows(project / "new.jsonl", Problem)
    expected = [row for part in chunks.cut(problems) for row in predictor.predict(part)]
    assert read_rows(project / "new.predictions.jsonl", Prediction) == expected
    again = run(project, "predict", "new.jsonl", expect=1)
    assert "new.predictions.jsonl exists" in again.stderr


def test_a_workbook_and_a_table_of_other_columns_give_the_same_predictions(project, tmp_path):
    rows = read_rows(project / "new.jsonl", Problem)[:6]
    write_rows(tmp_path / "plain.jsonl", rows)
    run(project, "predict", str(tmp_path / "plain.jsonl"))
    expected = read_rows(tmp_path / "plain.predictions.jsonl", Prediction)
    odd = [{"Nr": row.id, "앞": row.text.split(" ", 1)[0], "뒤": row.text.split(" ", 1)[1], "비고": "x"} for row in rows]
    write_rows_to(tmp_path / "a.xlsx", odd)
    table = "\n".join(";".join(f'"{cell}"' for cell in cells) for cells in ([*odd[0]], *([*row.values()] for row in odd)))
    (tmp_path / "b.csv").write_bytes(table.encode("cp949"))
    for name in ("a.xlsx", "b.csv"):
        out = tmp_path / f"{name}.jsonl"
        words = ("--columns", "id=Nr", "--join", "앞+뒤", "--ignore", "비고", "--out", str(out), "--json")
        assert json.loads(run(project, "predict", str(tmp_path / name), *words).stdout)["problems"] == 6
        assert [(p.id, p.label) for p in read_rows(out, Prediction)] == [(p.id, p.label) for p in expected]


def test_the_adapter_in_use_leaves_with_its_difference_in_stock_peft(project, tmp_path):
    done = json.loads(run(project, "export", str(tmp_path / "out"), "--json").stdout)
    assert done["parity"]["max_difference"] <= 1e-4
    assert done["parity"]["prompts"] == 8
    assert (tmp_path / "out" / "adapter_model.safetensors").read_bytes() == (
        project / "rounds" / "000" / "train" / "adapter" / "adapter_model.safetensors"
    ).read_bytes()


def test_a_prediction_is_the_posterior_with_the_thresholds_of_the_calibration(project, predictor):
    problems = read_rows(project / "new.jsonl", Problem)
    posterior = predictor.policy.posterior(problems, batch_size=16)
    found = predictor.predict(problems)
    accepted = predictor.calibration.acceptance.threshold
    groups = {g.group: g.threshold for g in predictor.calibration.conformal.groups}
    for row, prediction in enumerate(found):
        chances = dict(zip(predictor.taxonomy.ids, (float(p) for p in np.exp(posterior.log_probs[row])), strict=True))
        assert prediction.id == problems[row].id
        assert chances[prediction.label] == max(chances.values()) == pytest.approx(prediction.confidence)
        wanted = [x for x in chances if chances[x] >= groups[predictor.taxonomy[x].groups[0]]]
        assert list(prediction.set) == sorted(wanted, key=lambda x: -chances[x])
        assert (prediction.decision == "accept") == (accepted is not None and prediction.confidence >= accepted)
        assert prediction.adapter == predictor.policy.adapter_id


def test_a_spreadsheet_shows_it_and_runs_nothing(project, predictor, tmp_path):
    from prefopt.deploy.predict_file import predict_file

    write_rows(tmp_path / "odd.jsonl", [Problem(id="=1+1", text='=HYPERLINK("x")'), Problem(id="b", text="3, 4를\n더하면 <b>?")])
    done = predict_file(predictor, tmp_path / "odd.jsonl", tmp_path / "odd.csv")
    assert (tmp_path / "odd.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "odd.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["'=1+1", "b"]
    assert rows[0]["problem"] == '\'=HYPERLINK("x")'
    assert rows[1]["problem"] == "3, 4를\n더하면 <b>?"
    assert list(rows[0])[4:] == ["band", "domain", "probability", "confidence", "decision", "set", "classifier"]
    assert done.problems == 2


def test_what_is_refused_before_anything_is_classified(project, predictor, tmp_path):
    from prefopt.deploy.predict_file import predict_file
    from prefopt.errors import DataError

    source, out = tmp_path / "p.jsonl", tmp_path / "out.jsonl"
    for text, error, what in (
        ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n', DataError, "again; first on line 1"),
        ("\n", DataError, "no problem"),
        ('{"id": "a", "text": "' + "가" * 1_000_000 + '"}\n', DataError, ":1: .*1,000,000 characters"),
        ('{"id": "a", "text": "x"}\n{"id": "b", "text": "' + "가나다라 " * 2000 + '"}\n', ModelError, "problem b: .*max_tokens"),
    ):
        source.write_text(text, encoding="utf-8")
        with pytest.raises(error, match=what):
            predict_file(predictor, source, out)
        assert not out.exists()
    with pytest.raises(ConfigError, match="file of the problems"):
        predict_file(predictor, source, source)
    with pytest.raises(ConfigError, match=r"\.txt"):
        predict_file(predictor, source, tmp_path / "out.txt")


def test_thresholds_are_used_only_with_what_they_were_made_for(project, tmp_path):
    folder = Path(shutil.copytree(project, tmp_path / "small"))
    taxonomy = folder / "taxonomy.csv"
    kept = taxonomy.read_text(encoding="utf-8")
    taxonomy.write_text(kept.replace("초등 1~2학년", "저학년"), encoding="utf-8")
    with pytest.raises(CalibrationError, match="other labels"):
        Predictor.open(folder)
    taxonomy.write_text(kept, encoding="utf-8")
    weights = folder / "rounds" / "000" / "train" / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(ProjectError, match="has changed since stage train of round 000 wrote it"):
        Predictor.open(folder)


def test_a_rejected_adapter_is_not_in_use_and_the_next_round_needs_one(project, tmp_path):
    folder = Path(shutil.copytree(project, tmp_path / "small"))
    decided = run(folder, "round", "decide", "0", "--reject", "--because", "잘못된 <b>교재</b>로 배웠다")
    assert "no adapter is in use" in decided.stdout
    page = (folder / "rounds" / "000" / "report" / "report.html").read_text(encoding="utf-8")
    assert "잘못된 &lt;b&gt;교재&lt;/b&gt;로 배웠다" in page
    assert "no adapter" in run(folder, "predict", "new.jsonl", "--out", "x.jsonl", expect=1).stderr
    assert "rejected" in run(folder, "round", expect=1).stderr
    with pytest.raises(ProjectError, match="promoted"):
        Predictor.open(folder)
    assert Predictor.open(folder, 0).round.number == 0


def test_calibrate_goes_on_with_the_pieces_it_had_scored(project, tmp_path, monkeypatch):

    folder = Path(shutil.copytree(project, tmp_path / "small"))
    rnd = Predictor.open(folder).round
    for stage in ("calibrate", "decide", "report"):
        shutil.rmtree(rnd.stage(stage))
    monkeypatch.setattr(chunks, "SIZE", 10)
    with monkeypatch.context() as patched:
        keep = chunks.Chunks.keep
        patched.setattr(
            chunks.Chunks, "keep", lambda self, number: keep(self, number) if number == 0 else (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            advance(rnd)
    scored = []
    real = Policy.posterior
    monkeypatch.setattr(
        Policy, "posterior", lambda self, problems, **options: scored.append(len(problems)) or real(self, problems, **options)
    )
    advance(rnd)
    known = read_posteriors(rnd.stage("calibrate") / "posteriors.parquet")
    assert sum(scored) == len(known.problem_ids) - 10
    assert known.problem_ids == tuple(p.id for p in rnd.load().holdout)
    before = read_posteriors(project / "rounds" / "000" / "calibrate" / "posteriors.parquet")
    assert np.abs(np.exp(known.log_probs) - np.exp(before.log_probs)).max() < 1e-4
    written = {"posteriors.parquet", "calibration.json", "tfidf.safetensors", "stage.json"}
    assert {p.name for p in rnd.stage("calibrate").iterdir()} == written


@pytest.fixture(scope="module")
def mixed(project, predictor, tmp_path_factory) -> Path:
    """The project as if its calibration had shown that a mixture helps; its baseline learned right answers about the pool."""
    folder = Path(shutil.copytree(project, tmp_path_factory.mktemp("mixed") / "small"))
    rnd = open_project(folder).round(0)
    data, known = rnd.load(with_pool=True), read_posteriors(rnd.stage("calibrate") / "posteriors.parquet")
    truth = {row["id"]: row["label"] for row in map(json.loads, (folder / "data" / "truth.jsonl").read_text(encoding="utf-8").splitlines())}
    key = RoundKey(1, "001", "dpo", 0, 1, "small")
    scored = predictor.policy.posterior(data.pool, batch_size=16)
    slates, votes = [], []
    for problem, logs in zip(data.pool, scored.log_probs, strict=True):
        answers = [Answer(label=label) for label in top_labels(np.exp(logs), data.taxonomy.ids, 3)]
        slates.append(make_slate(key, problem, answers, np.exp(logs), data.taxonomy.ids, "margin", "adapter", 1.0))
        named = [*answers, *([] if truth[problem.id] in {a.label for a in answers} else [Answer(label=truth[problem.id])])]
        shares = tuple(float(answer.label == truth[problem.id]) for answer in named)
        vote = Vote(weight=1.0, ranks=tuple(1 if share else 2 for share in shares))
        votes.append(SlateVotes(problem=problem, slate_id=slates[-1].id, answers=tuple(named), shares=shares, votes=(vote,)))
    fitted = fit_partner(data, known_labels(data, [AskedRound(1, slates)], votes), rnd.config.prompt.spelling)
    assert 0 < fitted.partner.asked < FEWEST
    assert fitted.partner.weights is None  # so few that the weights have to be given here
    partner = Partner(FEWEST, MixtureWeights(model=0.5, tfidf=0.5))
    texts = [as_read(p.text, rnd.config.prompt.spelling) for p in data.holdout]
    found = evaluate(
        known.log_probs,
        known.gold,
        known.problem_ids,
        data.taxonomy,
        rnd.config.calibrate,
        1,
        groups=known.groups,
        baseline=Opponent(fitted.model.log_probs(texts, data.taxonomy.ids), fitted.learned),
        partner=partner,
    )
    judged = found.mixture.judged.model_copy(update={"verdict": "helps"})  # 28 held-out problems show little
    found = found.model_copy(update={"mixture": found.mixture.model_copy(update={"judged": judged})})
    values = {POSTERIORS: known, CALIBRATION: found, TFIDF: fitted.model}
    outcome = json.loads((rnd.stage("calibrate") / "stage.json").read_text(encoding="utf-8"))["outcome"]
    for stage in ("calibrate", "decide", "report"):
        shutil.rmtree(rnd.stage(stage))
    finish_stage(rnd, values, inputs={"taxonomy": folder / "taxonomy.csv"}, outcome=outcome)
    return folder


def test_the_mixture_predicts_and_leaves_with_the_adapter(mixed, tmp_path):
    problems, predictor = read_rows(mixed / "new.jsonl", Problem), Predictor.open(mixed, 0)
    alone = predictor.policy.posterior(problems, batch_size=16).log_probs
    said = run(mixed, "predict", "new.jsonl", "--round", "0", "--out", "mixed.jsonl").stdout
    weights = predictor.mixer.weights
    assert f"by the adapter of round 000, mixed with TF-IDF (weights {weights.model:.2f} and {weights.tfidf:.2f})" in said
    found = read_rows(mixed / "mixed.jsonl", Prediction)
    assert {row.classifier for row in found} == {"mixture"}

    done = json.loads(run(mixed, "export", str(tmp_path / "out"), "--round", "0", "--no-check", "--json").stdout)
    assert done["mixture"] is True
    assert "Mixer.read(folder).mix(texts, model_log_probs)" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    probs = np.exp(Mixer.read(tmp_path / "out").mix([p.text for p in problems], alone))
    assert [row.label for row in found] == [predictor.taxonomy.ids[i] for i in probs.argmax(axis=1)]
    assert [row.confidence for row in found] == pytest.approx(probs.max(axis=1), abs=1e-4)
    assert np.abs(probs - np.exp(alone)).max() > 0.05  # it is not the adapter alone

    path = tmp_path / "out" / "tfidf.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(CalibrationError, match="is not the file that was exported"):
        Mixer.read(tmp_path / "out")


def test_an_adapter_alone_leaves_alone(project, predictor, tmp_path):
    assert (predictor.classifier, predictor.mixer) == ("adapter", None)
    done = json.loads(run(project, "export", str(tmp_path / "out"), "--no-check", "--json").stdout)
    assert done["mixture"] is False
    with pytest.raises(CalibrationError, match="exported without a mixture") as caught:
        Mixer.read(tmp_path / "out")
    assert caught.value.hint == "use the adapter alone"
