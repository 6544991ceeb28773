"""Rounds with small pretrained models: SFT, a round of each recipe on the same slates, more gold labels, and TF-IDF.

    python benchmarks/real_model.py --models DIR --data DIR [--sets math-2021 mwp-korean-2021] [--seeds 7 …] [--arms consensus …] [--json]

math-2021 are English competition problems of seven subjects (SmolLM2-135M-Instruct), mwp-korean-2021 Korean word problems of eight types
(Gemma 3 270M). --models has the folders smollm2 and gemma3, made by benchmarks/real_model_folder.py from packages of PyPI; --data has
math-2021/problems.jsonl and mwp-korean-2021/public_mwp_data.json. Nothing is downloaded.

The hold-out is the same for all seeds; a seed draws 300 labeled problems and a pool of 600, and seeds the training. The arms:

    consensus, orpo, kto, dpo    a round with this recipe, with its defaults (from the SFT adapter, with its learning rate, on its problems
                                 too) but for the epochs, which make about as many updates as SFT: 300 problems of the pool, ranked by three
                                 simulated teachers who err in 10 % of their judgments. All have the same slates: they branch one round
    kto-light                    kto with a tenth of the weight beside the likelihood of right answers
    gold                         no round: SFT with 300 more labeled problems, as many updates as SFT and a round of consensus together

The table has accuracy and Brier score with 95 % intervals, the same with label biases refitted (cross-fitted), the paired difference to
SFT, and how often each label is right and answered. Each seed is a project in --folder, which stays. What is finished is read, not
computed again; what was interrupted is resumed. The exit status is 1 where a claim of docs/real-models.md is not met.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.korean_mwp import go_on, write_rows  # noqa: E402  only found after the line above where this file is run
from benchmarks.real_model_table import Made, claims_not_met, figures_of, label_table, markdown, summary  # noqa: E402  as above

LABELED, POOL, SLATES, LONGEST = 300, 600, 300, 400

SETTINGS = """\
[project]
name = "{name}"
seed = {seed}

[model]
path = "{folder}"
dtype = "bfloat16"
quantized = false

[adapter]
targets = "all-linear"
experts = false

[prompt]
instructions = "{instructions}"
max_tokens = 512

[answer]
label_key = "{label_key}"
fields = []

[data]
holdout_file = "data/holdout.jsonl"

[sample]
slates = {slates}
reasons = false

[feedback]
source = "file"
overlap = 3
question = "ranking"

[pair]
min_weight = 0.5
"""

COMMON = {"batch_size": 8, "gradient_accumulation_steps": 1, "gradient_checkpointing": False}
SFT = {"learning_rate": 1e-3, "num_train_epochs": 4}
ROUND, ROUND_OF_PAIRS = {"num_train_epochs": 2}, {"num_train_epochs": 1}
"""About as many updates as SFT has, 150: twice over 300 slates and 300 examples, once over the pairs of these slates and the examples."""


@dataclass(frozen=True)
class Arm:
    """What is done after SFT with the 300 labels: a round with a recipe, or (recipe "") SFT again with more labels."""

    recipe: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    more_gold: int = 0

    @property
    def recipes(self) -> dict[str, dict[str, Any]]:
        """The tables [recipes.…] of its prefopt.toml."""
        return {"sft": SFT | COMMON} | ({self.recipe: self.options | COMMON} if self.recipe else {})


ARMS = {
    "consensus": Arm("consensus", ROUND),
    "gold": Arm(more_gold=SLATES),
    "orpo": Arm("orpo", ROUND_OF_PAIRS),
    "kto": Arm("kto", ROUND_OF_PAIRS | {"beta": 0.3, "sft_weight": 1.0}),
    "kto-light": Arm("kto", ROUND_OF_PAIRS | {"beta": 1.0, "sft_weight": 10.0}),
    "dpo": Arm("dpo", ROUND_OF_PAIRS | {"beta": 1.0}),
}


@dataclass(frozen=True)
class Set:
    """A set of problems, and the model that is trained on it."""

    name: str
    model: str
    file: str
    held_out: int
    instructions: str
    label_key: str


SETS = {
    "math-2021": Set("math-2021", "smollm2", "problems.jsonl", 1000, "Name the subject of the problem, as JSON.", "subject"),
    "mwp-korean-2021": Set("mwp-korean-2021", "gemma3", "public_mwp_data.json", 1000, "수학 문장제의 유형을 JSON으로 쓴다.", "type"),
}


@dataclass(frozen=True)
class Split:
    """The problems of one seed, as {"id", "text", "label"}."""

    gold: list[dict[str, str]]
    holdout: list[dict[str, str]]
    pool: list[dict[str, str]]


def read_problems(path: Path) -> list[dict[str, str]]:
    """Problems of at most LONGEST characters in a fixed drawn order without duplicates (same_text.key), as {"id", "text", "label"}.

    Args:
        path: JSON lines with id, text, label; or one JSON object of {number: {"question", "class"}}.
    """
    from prefopt.texts.same_text import key as key_of

    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.splitlines()]
    else:
        rows = [{"id": f"mwp-{int(n):04d}", "text": row["question"], "label": row["class"]} for n, row in json.loads(text).items()]
    unique: dict[str, dict[str, str]] = {}
    for row in sorted(rows, key=lambda r: str(r["id"])):
        if len(row["text"]) <= LONGEST:
            unique.setdefault(key_of(row["text"]), {name: row[name] for name in ("id", "text", "label")})
    problems = list(unique.values())
    random.Random(0).shuffle(problems)
    return problems


def split(problems: Sequence[dict[str, str]], held_out: int, seed: int) -> Split:
    """The first `held_out` problems, and the labeled ones and the pool drawn from the rest with the seed.

    Near-duplicates of held-out problems are in neither: the loop refuses them.
    """
    from prefopt.project.families import kin
    from prefopt.records import Problem

    held, rest = list(problems[:held_out]), list(problems[held_out:])
    near = {link.used for link in kin([Problem(**p) for p in held], [Problem(**p) for p in rest])}
    rest = [p for i, p in enumerate(rest) if i not in near]
    random.Random(seed).shuffle(rest)
    return Split(rest[:LABELED], held, rest[LABELED : LABELED + POOL])


def settings(which: Set, model: Path, seed: int, arm: Arm) -> str:
    """prefopt.toml of an arm."""
    text = SETTINGS.format(seed=seed, slates=SLATES, folder=model, **asdict(which))
    for name, options in arm.recipes.items():
        text += f"\n[recipes.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
    return text


class Seed:
    """The projects of one set and seed: `rounds`, with SFT and one round for each recipe, and `gold`."""

    def __init__(self, folder: Path, which: Set, model: Path, parts: Split, seed: int) -> None:
        self.folder, self.which, self.model, self.parts, self.seed = folder, which, model, parts, seed

    def say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {self.which.name} seed {self.seed}: {text}", file=sys.stderr, flush=True)

    def run(self, name: str) -> Made:
        """What an arm has made; SFT for the name "sft"."""
        arm = ARMS.get(name, Arm())
        project = self._project("gold" if arm.more_gold else "rounds", arm)
        number = self._round(project, name, arm) if arm.recipe else 0
        return Made.of(project.round(number))

    def _project(self, name: str, arm: Arm) -> Any:
        """The project with a finished SFT stage; one of other settings, problems or another model is computed again."""
        from prefopt.project.project import open_project
        from prefopt.rounds.starting import start_base
        from prefopt.rounds.states import is_finished

        bare = Arm(more_gold=arm.more_gold)
        facts = [settings(self.which, self.model, self.seed, bare), asdict(self.parts), digest_of(self.model / "model.safetensors")]
        folder = self.folder / f"{name}-{digest(facts)[:8]}"
        if not (folder / "prefopt.toml").exists():
            (folder / "data").mkdir(parents=True, exist_ok=True)
            labels = sorted({problem["label"] for problem in self.parts.holdout})
            (folder / "taxonomy.csv").write_text("code,name\n" + "".join(f"{label},{label}\n" for label in labels), encoding="utf-8")
            write_rows(folder / "data" / "gold.jsonl", [*self.parts.gold, *self.parts.pool[: arm.more_gold]])
            write_rows(folder / "data" / "holdout.jsonl", self.parts.holdout)
            write_rows(folder / "data" / "pool.jsonl", [{"id": p["id"], "text": p["text"]} for p in self.parts.pool[arm.more_gold :]])
        (folder / "prefopt.toml").write_text(settings(self.which, self.model, self.seed, arm), encoding="utf-8")
        project = open_project(folder)
        if not project.rounds() or not is_finished(project.round(0)):
            go_on(project.round(0) if project.rounds() else start_base(project), lambda text: self.say(f"{name} {text}"))
        return project

    def _round(self, project: Any, name: str, arm: Arm) -> int:
        """The number of the arm's round, finished: the first one asks the teachers, all others branch it where it trains."""
        from prefopt.rounds.starting import branch, start_next
        from prefopt.rounds.states import is_finished

        kept = project.root / "arms.json"
        numbers: dict[str, int] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        key = f"{arm.recipe} {digest(arm.recipes)[:8]}"
        if key not in numbers:
            numbers[key] = len(project.rounds())
            kept.write_text(json.dumps(numbers, indent=2), encoding="utf-8")
        number = numbers[key]
        if number < len(project.rounds()):
            rnd = project.round(number)
        elif number == 1:
            rnd = start_next(replace_recipe(project, arm.recipe), anyway=True)
        else:
            rnd = branch(project, 1, "train", arm.recipe)
        if not is_finished(rnd):
            go_on(rnd, lambda text: self.say(f"{name} {text}"))
            if number == 1 and not is_finished(rnd):
                self._answer(rnd)
                go_on(rnd, lambda text: self.say(f"{name} {text}"))
        return number

    def _answer(self, rnd: Any) -> None:
        from feedback.simulated import Simulation, simulate_teachers
        from prefopt.rounds.teachers import published_slates

        truth = {problem["id"]: problem["label"] for problem in self.parts.pool}
        simulate_teachers(published_slates(rnd), truth, Simulation(teachers=3, error_rate=0.1, disagreement=0.05, seed=self.seed))


def replace_recipe(project: Any, recipe: str) -> Any:
    """The project with this recipe for its next round."""
    from prefopt.project.project import open_project

    path = project.root / "prefopt.toml"
    path.write_text(path.read_text(encoding="utf-8") + f"\n[round]\nrecipes = {json.dumps([recipe])}\n", encoding="utf-8")
    return open_project(project.root)


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tfidf(parts: Split) -> dict[int, dict[str, bool]]:
    """Number of labels -> id of a held-out problem -> whether TF-IDF with logistic regression, fitted on these, is right."""
    from prefopt.calibration.baseline import fit_tfidf
    from prefopt.texts.same_text import canonical

    found = {}
    for train in (parts.gold, [*parts.gold, *parts.pool[:SLATES]]):
        texts, labels = [canonical(p["text"]) for p in train], [p["label"] for p in train]
        names = sorted(set(labels))
        answers = fit_tfidf(texts, labels).log_probs([canonical(p["text"]) for p in parts.holdout], names).argmax(axis=1)
        found[len(train)] = {p["id"]: names[answer] == p["label"] for answer, p in zip(answers, parts.holdout, strict=True)}
    return found


def run_set(which: Set, args: argparse.Namespace) -> dict[str, Any]:
    """All arms of a set; the table so far is printed on stderr after each."""
    problems = read_problems(args.data / which.name / which.file)
    splits = {seed: split(problems, which.held_out, seed) for seed in args.seeds}
    seeds = [Seed(args.folder / which.name / f"seed-{s}", which, (args.models / which.model).resolve(), splits[s], s) for s in args.seeds]
    classical = [tfidf(parts) for parts in splits.values()]
    made: dict[str, list[Made]] = {}
    for name in ("sft", *args.arms):
        made[name] = [seed.run(name) for seed in seeds]
        figures = figures_of(made, classical)
        print(markdown(figures), file=sys.stderr, flush=True)
    return {"set": which.name, "model": which.model, "seeds": args.seeds, **summary(figures), "rows": figures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, help="folder with smollm2 and gemma3 (benchmarks/real_model_folder.py)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[7])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "real-model", help="where the projects are made and kept")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    started, results = time.monotonic(), []
    for name in args.sets:
        if not (args.models / SETS[name].model / "config.json").exists():
            parser.error(f"{args.models / SETS[name].model} is not a model folder: see benchmarks/real_model_folder.py")
    for name in args.sets:
        results.append(run_set(SETS[name], args))
        print(f"\n## {name}, {results[-1]['model']}\n\n{markdown(results[-1]['rows'])}\n\n{label_table(results[-1]['rows'])}\n", flush=True)
    broken = claims_not_met(results)
    for claim in broken:
        print(f"not met: {claim}", file=sys.stderr)
    if args.json:
        seconds = round(time.monotonic() - started, 1)
        print(json.dumps({"sets": {r["set"]: r for r in results}, "not_met": broken, "seconds": seconds}, ensure_ascii=False, indent=2))
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
