"""sample: choose the problems to ask about, and make a slate of candidates for each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.io.figure_files import read_figure
from prefopt.io.leaving import refuse_problems
from prefopt.project.families import SHOWN, refuse_kin
from prefopt.project.project import ProjectData, RoundKey
from prefopt.records import Problem, Slate
from prefopt.rounds.artifacts import ADAPTER, LEFT_OUT, POOL, SLATES
from prefopt.rounds.fit import counted, in_words, refuse_unfit_gold, to_ask
from prefopt.rounds.reads import PROBLEMS, Data, Earlier, GoldQuestions, OfRound, Parent
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.texts.same_text import name_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefopt.model.policy import Policy


class SampleOutcome(Outcome):
    """Which slates were made."""

    slates: int
    candidates: int
    random: int
    """Slates of the random slice."""
    gold: int
    """Slates of problems with a known label."""
    repeats: int
    """Slates shown a second time."""
    without_reason: int
    """Cards whose reason did not end."""
    rewritten: int
    """Reasons that were sampled again."""
    pool: int
    """Problems that could be asked about."""
    figures: int = 0
    """Slates with an image, which teachers see and the model does not."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Kind of finding -> problems that no teacher should see, which were not among them."""

    def line(self) -> str:
        missing = f", {self.without_reason} without a reason" if self.without_reason else ""
        known = [f"{count} {what}" for count, what in ((self.gold, "with a known label"), (self.repeats, "shown again")) if count]
        extra = f"; including {' and '.join(known)}" if known else ""
        extra += f"; {self.figures} with a figure that the model does not see" if self.figures else ""
        count = sum(self.left_out.values())
        left = f"; {count} left out: {in_words(self.left_out)} (listed in sample/{LEFT_OUT.file})" if count else ""
        chosen = f"{self.slates} slates of {self.candidates} candidates from {self.pool} problems ({self.random} at random{missing})"
        return f"{chosen}{extra}{left}"


@stage(
    outcome=SampleOutcome,
    reads={
        "data": Data(with_pool=True),
        "asked": Earlier(SLATES),
        "gold_questions": GoldQuestions(),
        "parent": Parent(ADAPTER),
    },
    writes=(SLATES, POOL, LEFT_OUT),
    settings=(
        *PROBLEMS,
        "data.pool",
        "data.unfit",
        "model",
        "prompt",
        "answer",
        "posterior",
        "sample",
        "feedback.gold_share",
        "feedback.gold_file",
        "feedback.repeat_share",
    ),
)
def sample(
    data: ProjectData,
    asked: tuple[OfRound[list[Slate]], ...],
    gold_questions: tuple[Problem, ...],
    parent: Path | None,
    settings: ProjectConfig,
    this: RoundKey,
    work: Workspace,
) -> Produced[SampleOutcome]:
    """Score the pool with the parent adapter, choose problems, and let the adapter propose and explain the most probable labels.

    Raises:
        DataError: a problem that was chosen is of one group with a held-out or sealed one, or has an image that cannot be shown; an
            unfit one, where sample.unfit is "stop"; a labeled one that cannot be read; personal data in the hold-out, where
            model.server would read it.
        ProjectError: every problem of the pool has been asked, too few are fit, or too few gold questions are left.
    """
    import numpy as np  # not for commands that only look at a round

    from prefopt.model.policy import Policy
    from prefopt.rounds.slates import draw_gold, make_slate, mixed, pool_frame, repeated, top_labels

    refuse_unfit_gold(data, settings.data.unfit)
    refuse_problems(data.holdout, settings.model.server)  # `calibrate` would send them
    before = {slate.problem.id: slate.problem for earlier in asked for slate in earlier.value}
    names = {name_key(i) for i in before}
    pool_rows = data.rows(_not_asked(data, names, settings), "pool")
    question_rows = data.rows([p for p in gold_questions if name_key(p.id) not in names], "gold questions")
    (problems, left), (questions, others) = to_ask(pool_rows, question_rows, before.values(), work.project, settings.sample)
    policy = Policy.open(settings.model, parent, settings.prompt, settings.answer, data.taxonomy)

    probabilities = _score(policy, problems, settings, this.seed, work, "posteriors of the pool")
    chosen, inclusion = _draw(probabilities, settings, this)
    pool = pool_frame(this, probabilities, data.taxonomy.ids, chosen)
    gold = draw_gold(questions, settings, this.seed)
    if gold:
        probabilities = np.concatenate([probabilities, _score(policy, gold, settings, this.seed, work, "posteriors of the gold questions")])
        chosen += [(i, "gold") for i in range(len(problems), len(problems) + len(gold))]
        inclusion += [None] * len(gold)
    everyone = [*problems, *gold]
    refuse_kin(data.guarded, data.rows([everyone[i] for i, _ in chosen], "slates"), SHOWN)
    files = {id: path for id, (path, _) in data.places.items()}
    known = work.project / (settings.feedback.gold_file or settings.data.gold)
    figures = [read_figure(everyone[i], files.get(everyone[i].id, known), work.project) for i, _ in chosen]
    requests = [(everyone[i], top_labels(probabilities[i], data.taxonomy.ids, settings.sample.candidates)) for i, _ in chosen]
    answers = policy.propose(
        requests,
        temperature=settings.sample.temperature,
        with_reason=settings.sample.reasons,
        reason_tokens=settings.sample.reason_tokens,
        seed=this.seed,
        batch_size=4 * settings.posterior.batch_size,
        on_step=lambda done, total, _: work.on_step(done, total, "reasons"),
    )
    slates = [
        make_slate(this, problem, proposed, probabilities[i], data.taxonomy.ids, purpose, policy.adapter_id, inclusion[i], figure)
        for (i, purpose), (problem, _), proposed, figure in zip(chosen, requests, answers, figures, strict=True)
    ]
    repeats = repeated(slates, round(settings.feedback.repeat_share * settings.sample.slates), this)
    slates = mixed(slates, repeats, this) if gold or repeats else slates
    outcome = SampleOutcome(
        slates=len(slates),
        candidates=sum(len(s.candidates) for s in slates),
        random=sum(s.purpose == "random" for s in slates),
        gold=len(gold),
        repeats=len(repeats),
        without_reason=policy.unfinished,
        rewritten=policy.retried,
        pool=len(problems),
        figures=sum(s.figure is not None for s in slates),
        left_out=counted([*left, *others]),
    )
    return Produced(outcome).put(SLATES, slates).put(POOL, pool).put(LEFT_OUT, [*left, *others])


def _not_asked(data: ProjectData, known: Collection[str], settings: ProjectConfig) -> list[Problem]:
    """The problems of the pool that no earlier round has asked about; `known` holds the name keys of those that were asked."""
    problems = [p for p in data.pool if name_key(p.id) not in known]
    if not problems:
        raise ProjectError(
            f"all {len(data.pool)} problems of {settings.data.pool} have been asked in earlier rounds", hint="add new problems to the pool"
        )
    return problems


def _draw(probabilities: NDArray[np.float64], settings: ProjectConfig, this: RoundKey) -> tuple[list[tuple[int, str]], list[float | None]]:
    """Chosen rows with their purpose, and the probability of every row to be chosen, from posteriors [N, L] of the pool."""
    import numpy as np

    from prefopt.rounds.slates import choose, inclusion_probabilities, top2_gaps

    gaps, count, share = top2_gaps(probabilities), settings.sample.slates, settings.sample.random_share
    inclusion: list[float | None] = [*inclusion_probabilities(gaps, count, share).tolist()]
    return choose(gaps, count, share, np.random.default_rng(this.seed)), inclusion


def _score(
    policy: Policy, problems: Sequence[Problem], settings: ProjectConfig, seed: int, work: Workspace, shown: str
) -> NDArray[np.float64]:
    """Label posteriors [N, L] of the problems; `shown` names the work in the progress display."""
    import numpy as np

    found = policy.posterior(
        problems,
        analyses=settings.posterior.analyses,
        batch_size=settings.posterior.batch_size,
        memory_mb=settings.posterior.memory_mb,
        seed=seed,
        on_step=lambda done, total, _: work.on_step(done, total, shown),
    )
    return np.asarray(np.exp(found.log_probs))
