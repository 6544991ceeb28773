"""What was learned in use, for the next round: teachers' words become labeled problems, answers to review that nobody judged the pool's.

A label of teachers who had seen the model's answer is biased towards it: such a problem trains and never judges (Problem.served). So does
one of a comparison, whose teachers saw two answers, and any that was not drawn at random. Where teachers judged a text blind, in an audit,
their words alone count, and the problem may be held out as any other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from prefopt.errors import ConfigError, ProjectError
from prefopt.io.files import write_bytes
from prefopt.io.strict import StrictError, json_value
from prefopt.project.families import kin
from prefopt.project.loading import ProjectData
from prefopt.project.project import Project, load_data
from prefopt.readers.problem_rows import row_of
from prefopt.records import Problem, content_id
from prefopt.rounds.fit import faults_of
from prefopt.rounds.states import is_finished
from prefopt.serve.journal import FOLDER, read_corrections, read_predictions
from prefopt.serve.records import Correction, ServedPrediction
from prefopt.texts.same_text import key

PREFIX = "served-"
"""How the ids of collected problems begin."""


LEFT_OUT = {
    "kin": "of one group with a held-out or sealed problem, or with one of the pool that a blind judgment may hold out",
    "label-gone": "with a label that is no longer in the taxonomy",
    "in-pool": "in the pool already: its problems get their labels from rounds",
    "labeled-otherwise": "in the problem files with another label than teachers give now: look at these",
}
"""Why a labeled problem is left out; other reasons are the faults of `prefopt data check`."""


@dataclass(frozen=True)
class Collected:
    """What was taken from the records."""

    answers: int
    """Read from the records."""
    labeled: int
    """New labeled problems."""
    blind: int
    """Of them, those that may judge."""
    relabeled: int
    """Problems of an earlier collection whose label the teachers have changed."""
    pool: int
    """New problems without a label."""
    disagreed: int
    """Problems, of those for the pool, on whose label no majority of their teachers agrees."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Why problems were left out (LEFT_OUT, or a fault of their text) -> how many."""


@dataclass
class _Text:
    """A problem as it was asked, with what was said about it."""

    text: str
    is_asked: bool = False
    """An answer to it went to review."""
    words: dict[str, Correction] = field(default_factory=dict)
    """The last word of every teacher who saw an answer, or was asked for another reason than the audit."""
    blind: dict[str, Correction] = field(default_factory=dict)
    """The same of those who had seen none when they spoke, in an audit."""

    @property
    def labels(self) -> Counter[str | None]:
        """The labels that its teachers named, None for "none is right": those of blind words alone, where there are any."""
        return Counter(word.label for word in (self.blind or self.words).values())

    @property
    def label(self) -> str | None:
        """The label that most of its teachers named."""
        label, count = self.labels.most_common(1)[0] if self.labels else (None, 0)
        return label if 2 * count > self.labels.total() else None

    @property
    def is_disputed(self) -> bool:
        """Whether its teachers named several labels, none of them most of the times."""
        return len(self.labels) > 1 and self.label is None

    @property
    def problem(self) -> Problem | None:
        """The problem, labeled where most of its teachers agree; None where there is nothing to learn from it."""
        name = f"{PREFIX}{content_id(key(self.text))}"
        if self.label is not None:
            return Problem(id=name, text=self.text, label=self.label, served="blind" if self.blind else "seen")
        return Problem(id=name, text=self.text) if self.labels or self.is_asked else None


def collect(project: Project, since: str = "") -> Collected:
    """Add what was learned in use to the project's problem files; what is there already is left alone.

    Args:
        project: no round of it is open.
        since: the first day (YYYYMMDD) whose answers are taken; empty: all.

    Raises:
        ProjectError: nothing was served since, a round is open, or no texts were kept.
        ConfigError: a file cannot be added to.
        DataError: a record is damaged, or the project's files have faults.
    """
    folder = project.root / FOLDER
    last = project.rounds()[-1:]
    if last and not is_finished(last[0]):
        raise ProjectError(
            f"round {last[0].name} is open, and its problems stay as they are until it is finished", hint="see `prefopt round status`"
        )
    answers = list(read_predictions(folder, since)) if folder.is_dir() else []
    if not answers:
        day = f"{since[:4]}-{since[4:6]}-{since[6:]}"
        raise ProjectError(f"no answer was served{f' since {day}' if since else ''}", hint="prefopt serve")
    if all(row.text is None for row in answers):
        raise ProjectError(f"the {len(answers)} answers were recorded without texts", hint="set keep_texts = true under [serve]")
    gold, pool = (_appendable(project, name) for name in ("gold", "pool"))
    data = load_data(project.root, project.config, with_pool=True)
    texts = list(_texts(answers, read_corrections(folder)).values())
    chosen = _Choice(data, [problem for text in texts if (problem := text.problem) is not None])
    if chosen.labeled or chosen.relabeled or chosen.pool:
        _write(project, gold, pool, chosen)
    return Collected(
        answers=len(answers),
        labeled=len(chosen.labeled),
        blind=sum(problem.served == "blind" for problem in chosen.labeled),
        relabeled=len(chosen.relabeled),
        pool=len(chosen.pool),
        disagreed=sum(text.is_disputed for text in texts),
        left_out={why: count for why, count in chosen.left_out.most_common() if count},
    )


def _texts(answers: Iterable[ServedPrediction], words: Iterable[Correction]) -> dict[str, _Text]:
    """The problems that were asked, by the key that all spellings of a text share."""
    texts: dict[str, _Text] = {}
    of: dict[str, _Text] = {}
    audited: set[str] = set()
    for row in answers:
        audited |= {row.prediction} if row.audit else set()
        if row.text is not None:
            of[row.prediction] = found = texts.setdefault(key(row.text), _Text(row.text))
            found.is_asked |= row.decision == "review"
    for word in words:
        if (said := of.get(word.prediction)) is not None:
            is_blind = word.prediction in audited and not word.seen and word.by not in said.words
            (said.blind if is_blind else said.words)[word.by] = word
    return texts


class _Choice:
    """Which of the problems found in use go into which file.

    Args:
        data: the project's problems, with the pool.
        found: problems from use, with distinct texts.
    """

    def __init__(self, data: ProjectData, found: Sequence[Problem]) -> None:
        self.labeled: list[Problem] = []
        self.relabeled: list[Problem] = []
        self.pool: list[Problem] = []
        self.no_longer_pooled: set[str] = set()
        """Ids of problems of an earlier collection that have a label now."""
        self.left_out: Counter[str] = Counter()
        gold = {key(p.text): p for p in (*data.train, *data.holdout, *data.left_out, *data.audit)}
        pooled = {key(p.text): p for p in data.pool}
        for problem in found:
            self._place(problem, gold.get(key(problem.text)), pooled.get(key(problem.text)), data)
        self._leave_out_kin(data)

    def _place(self, problem: Problem, known: Problem | None, pooled: Problem | None, data: ProjectData) -> None:
        if known is not None:
            if problem.label is None or known.label == problem.label:
                return
            if known.id.startswith(PREFIX) and known.served == problem.served:
                self.relabeled.append(problem.model_copy(update={"id": known.id}))
            else:
                self.left_out["labeled-otherwise"] += 1
            return
        if pooled is not None and (problem.label is None or not pooled.id.startswith(PREFIX)):
            self.left_out["in-pool"] += problem.label is not None
            return
        if faults := faults_of(problem.text):
            self.left_out[faults[0][0]] += 1
        elif problem.label is None:
            self.pool.append(problem)
        elif problem.label not in data.taxonomy:
            self.left_out["label-gone"] += 1
        else:
            self.labeled.append(problem)
            if pooled is not None:
                self.no_longer_pooled.add(pooled.id)

    def _leave_out_kin(self, data: ProjectData) -> None:
        """Nothing of a held-out or sealed problem's group may be used; nor may the pool have kin of what may be held out from now on."""
        guarded = [row.problem for row in data.guarded]
        self.labeled = self._without(self.labeled, guarded)
        may_judge = [problem for problem in self.labeled if problem.served == "blind"]
        others = [problem for problem in data.pool if problem.id not in self.no_longer_pooled]
        unfit = {problem.id for problem in may_judge} - {problem.id for problem in self._without(may_judge, others)}
        self.labeled = [problem for problem in self.labeled if problem.id not in unfit]
        self.pool = self._without(self.pool, [*guarded, *(problem for problem in may_judge if problem.id not in unfit)])

    def _without(self, problems: list[Problem], guarded: Sequence[Problem]) -> list[Problem]:
        linked = {link.used for link in kin(guarded, problems)}
        self.left_out.update(["kin"] * len(linked))
        return [problem for i, problem in enumerate(problems) if i not in linked]


def _appendable(project: Project, name: str) -> Path:
    """The project's file of that name, to which rows of our own can be added. Raises ConfigError where it has columns of its own."""
    path, read = project.root / str(getattr(project.config.data, name)), project.config.read
    if path.suffix == ".jsonl" and not (read.columns or read.join):
        return path
    why = "it is no .jsonl file" if path.suffix != ".jsonl" else "[read] gives its columns other names"
    raise ConfigError(
        f"rows cannot be added to {path}: {why}",
        hint=f"prefopt data convert {path} data/{name}.jsonl --to problems; then write its path to data.gold or data.pool, without [read]",
    )


def _write(project: Project, gold: Path, pool: Path, chosen: _Choice) -> None:
    """Add the rows to both files, once the project is known to load with them. Raises DataError."""
    changed = {problem.id: problem for problem in chosen.relabeled}
    contents = {
        "gold": b"".join(_lines(gold, changed, set())) + _rows(chosen.labeled),
        "pool": b"".join(_lines(pool, {}, chosen.no_longer_pooled)) + _rows(chosen.pool),
    }
    project.cache.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=project.cache) as folder:
        one, other = Path(folder) / gold.name, Path(folder) / f"pool-{pool.name}"
        write_bytes(one, contents["gold"])
        write_bytes(other, contents["pool"])
        data = project.config.data.model_copy(update={"gold": str(one), "pool": str(other)})
        load_data(project.root, project.config.model_copy(update={"data": data}), with_pool=True)
    write_bytes(pool, contents["pool"])
    write_bytes(gold, contents["gold"])


def _lines(path: Path, changed: Mapping[str, Problem], gone: set[str]) -> Iterator[bytes]:
    """The lines of a file, some of our own in other words, some gone."""
    content = path.read_bytes()
    for line in content.splitlines(keepends=True):
        name = _id_of(line) if changed or gone else ""
        if name not in gone:
            yield _row(changed[name]).encode() if name in changed else line
    if content and not content.endswith(b"\n"):
        yield b"\n"


def _id_of(line: bytes) -> str:
    try:
        value = json_value(line)
    except StrictError:
        return ""
    return str(value.get("id", "")) if isinstance(value, dict) else ""


def _rows(problems: Iterable[Problem]) -> bytes:
    return "".join(map(_row, problems)).encode()


def _row(problem: Problem) -> str:
    return json.dumps(row_of(problem), ensure_ascii=False) + "\n"
