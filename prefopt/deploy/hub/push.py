"""Publish rounds: each is one commit with a tag. `main` moves to promoted rounds only; others are on branches of their own.

A push that was interrupted is completed by the next one: what is there is compared with what belongs there, file by file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from prefopt.config import PushSettings
from prefopt.deploy.hub.lineage import BESIDE, FILES, LINEAGE, MAIN, SMALL, Lineage, PublishedFile, branch_of, tag_of
from prefopt.deploy.hub.outgoing import UNKNOWN, Outgoing, ancestors, base_of, git_blob, published_decision, write_outgoing
from prefopt.deploy.hub.remote import Remote, RemoteFile, State, refuse_logged_out
from prefopt.errors import ConfigError, ModelError, PrefoptError, ProjectError
from prefopt.io.strict import checked_json
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import ADAPTER, DECISION
from prefopt.rounds.promotion import promotions
from prefopt.rounds.reading import is_done, locate

What = Literal["commit and tag", "commit", "tag", "nothing"]


@dataclass(frozen=True)
class Wanted:
    """What a person asks for."""

    repo: str
    license: str
    base_model: str = ""
    private: bool = True
    with_report: bool = False


@dataclass(frozen=True)
class PushedRound:
    """A round and what was done, or would be done, on the Hub."""

    number: int
    branch: str
    what: What
    files: Mapping[str, PublishedFile]
    commit: str | None
    """That its tag points to; None in a dry run where it is not known yet."""
    parent_known: bool
    """Whether its parent is published already; otherwise the digest of lineage.json is not known yet."""


@dataclass(frozen=True)
class Pushed:
    """A push, or a dry run of one."""

    repo: str
    url: str
    created: bool | None
    """Whether the repository is new; None in a dry run that could not ask."""
    private: bool
    rounds: tuple[PushedRound, ...]
    """Oldest first; the last one is the one that was asked for."""
    notes: tuple[str, ...] = field(default=())


def push(rnd: Round, wanted: Wanted, *, dry_run: bool = False, on_step: OnStep = ignore_steps) -> Pushed:
    """Publish a round, after those of its ancestors that are not published yet.

    Args:
        rnd: judged and decided.
        wanted: where, under which license, for whom.
        dry_run: change nothing on the Hub.
        on_step: progress.

    Raises:
        ConfigError: no license, no name of a repository, or nothing says where others find the base.
        ProjectError: a round is not decided; another project is published there; it is visible to others than asked for.
        ModelError: nobody is logged in; no access; the Hub cannot be reached.
    """
    remote = Remote.of(wanted.repo)
    _refuse_license(wanted.license)
    for each in reversed(ancestors(rnd)):
        if not is_done(each, DECISION.stage):
            raise ProjectError(f"round {each.name} is not decided yet", hint="prefopt round" if each.number else "prefopt sft")
    if not dry_run:
        refuse_logged_out()
    state, asked = _state(remote, dry_run)
    _refuse_other_visibility(remote.repo, state, wanted.private)
    created = state is None if asked else None
    planned = _Publisher(remote, wanted, rnd, state, True, on_step)
    planned.refuse_foreign()
    missing = planned.missing()
    if dry_run or state is None or len(missing) > 1:  # what cannot be published is refused before anything is sent
        rounds = tuple(planned.publish(each) for each in missing)
    if not dry_run:
        if state is None:
            remote.create(private=wanted.private)
            state = remote.state()
        publisher = _Publisher(remote, wanted, rnd, state, False, on_step)
        rounds = tuple(publisher.publish(each) for each in missing)
    return Pushed(remote.repo, remote.url, created, wanted.private, rounds, tuple(dict.fromkeys(remote.notes)))


def _refuse_license(text: str) -> None:
    hint = 'set license = "apache-2.0" (or another one of yours) under [push], or --license apache-2.0'
    if not text:
        raise ConfigError("no license is named, and nobody may use what has none", hint=hint)
    try:
        PushSettings(license=text)
    except ValidationError:
        raise ConfigError(f"{text!r} is not the identifier of a license on the Hub", hint=hint) from None


def _state(remote: Remote, dry_run: bool) -> tuple[State | None, bool]:
    """What is there, and whether the Hub could be asked: a dry run does without."""
    try:
        state = remote.state()
    except ModelError as error:
        if not dry_run:
            raise
        remote.notes.append(f"what is on the Hub is not known: {error.message}")
        return None, False
    if state is not None and MAIN not in state.branches:
        raise ModelError(f"{remote.repo} has no branch {MAIN}", hint="choose another name")
    return state, True


def _refuse_other_visibility(repo: str, state: State | None, private: bool) -> None:
    if state is not None and state.private is not private:
        is_now, asked = ("private", "--public") if state.private else ("public", "private, as always without --public")
        raise ProjectError(
            f"{repo} is {is_now}, and this push is to be {'public' if state.private else asked}",
            hint=f"change it in the settings of {repo} on the Hub, or type {'--private' if state.private else '--public'}",
        )


@dataclass
class _Publisher:
    """One push. `state` is kept up to date with what it does."""

    remote: Remote
    wanted: Wanted
    asked: Round
    state: State | None
    dry_run: bool
    on_step: OnStep
    planned: dict[int, bool] = field(default_factory=dict)
    """Rounds that a dry run would publish -> whether on main."""

    def refuse_foreign(self) -> None:
        """Raise ProjectError where main holds files of others, or a round of another project."""
        if self.state is None:
            return
        repo, found = self.remote.repo, self.remote.tree(self.state.branches[MAIN])
        if foreign := sorted(found.keys() - {*FILES, *BESIDE}):
            raise ProjectError(
                f"{repo} exists and holds what prefopt did not write: {', '.join(foreign[:3])}{' …' if len(foreign) > 3 else ''}",
                hint="choose another name",
            )
        first = adapter_id(locate(ancestors(self.asked)[-1], ADAPTER))
        for tag, commit in self._published().items():
            if (lineage := self._lineage(commit)) is not None and lineage.first != first:
                raise ProjectError(
                    f"{repo} holds another project: its {tag} descends from adapter {lineage.first}, and round 000 here is {first}",
                    hint="choose another name",
                )

    def _published(self) -> dict[str, str]:
        """The oldest tag, and main: where a project shows that it is another one."""
        tags = {tag: commit for tag, commit in sorted((self.state.tags if self.state else {}).items()) if tag.startswith("round-")}
        return dict(list(tags.items())[:1]) | ({MAIN: self.state.branches[MAIN]} if self.state else {})

    def missing(self) -> list[Round]:
        """The round that was asked for after its ancestors that are not published, oldest first."""
        found = [self.asked]
        for parent in ancestors(self.asked)[1:]:
            commit = self.state.tags.get(tag_of(parent.number)) if self.state else None
            lineage = None if commit is None else self._lineage(commit)
            if lineage is not None and lineage.adapter == adapter_id(locate(parent, ADAPTER)):
                break
            found.append(parent)
        return found[::-1]

    def publish(self, rnd: Round) -> PushedRound:
        """Commit and tag one round, as far as that is not done yet. Its parent is published."""
        parent_commit = self._commit_of_parent(rnd)
        branch = MAIN if self._goes_to_main(rnd) else branch_of(rnd.number)
        base = base_of(rnd, self.wanted.base_model)
        with _scratch(rnd) as folder:
            out = write_outgoing(
                rnd,
                folder,
                self.wanted.repo,
                self.wanted.license,
                base=base,
                parent=parent_commit,
                with_report=self.wanted.with_report and rnd == self.asked,
                on_step=self.on_step,
            )
            return self._publish(rnd, out, branch, parent_commit != UNKNOWN)

    def _publish(self, rnd: Round, out: Outgoing, branch: str, parent_known: bool) -> PushedRound:
        tag = tag_of(rnd.number)
        tagged = self.state.tags.get(tag) if self.state else None
        lineage = None if tagged is None else self._lineage(tagged)
        if tagged is not None and (lineage is None or lineage.adapter != out.lineage.adapter):
            theirs = "no round of prefopt" if lineage is None else f"adapter {lineage.adapter}"
            raise ProjectError(
                f"{self.remote.repo}: {tag} is {theirs}, and round {rnd.name} here is adapter {out.lineage.adapter}",
                hint="choose another name: a published round is never replaced by another one",
            )
        is_tagged = tagged is not None and self._same(tagged, out)
        head = self.state.branches.get(branch) if self.state else None
        before = tagged if is_tagged else self._named_by_child(rnd, out)  # a tag that was deleted comes back where it was
        is_there = (before is not None and branch != MAIN) or (head is not None and self._same(head, out))
        at = before or (head if is_there else None)
        if not self.dry_run:
            if not is_there:
                made = self._commit(rnd, out, branch)
                at = at or made
            if not is_tagged and at is not None:
                self.remote.tag(tag, at, move=tagged is not None)
        if at is not None:
            self._noted(tags={tag: at})
        self.planned[rnd.number] = branch == MAIN
        what: What = "nothing" if is_there and is_tagged else "tag" if is_there else "commit" if is_tagged else "commit and tag"
        return PushedRound(rnd.number, branch, what, out.files, at, parent_known)

    def _named_by_child(self, rnd: Round, out: Outgoing) -> str | None:
        """The commit that the published child names as its parent, if it holds exactly what is published of the round."""
        for child in ancestors(self.asked):
            tagged = self.state.tags.get(tag_of(child.number)) if self.state and child.parent == rnd else None
            lineage = None if tagged is None else self._lineage(tagged)
            if lineage is not None and lineage.parent is not None and self._same(lineage.parent.commit, out):
                return lineage.parent.commit
        return None

    def _commit(self, rnd: Round, out: Outgoing, branch: str) -> str:
        """Commit what is published of a round; returns the commit, which then holds exactly that."""
        assert self.state is not None, "created before"  # noqa: S101  for the type checker
        if branch not in self.state.branches:
            start = self.state.tags[tag_of(rnd.parent.number)] if rnd.parent else self.state.branches[MAIN]
            self.remote.branch(branch, start)
            self._noted(branches={branch: start})
        head = self.state.branches[branch]
        there = self.remote.tree(head)
        changed = {name: out.folder / name for name in out.files if not _equal(out.folder / name, out.files[name], there.get(name))}
        gone = sorted((there.keys() & {*FILES}) - out.files.keys())
        message = f"Round {rnd.name}: {out.lineage.recipe}, {published_decision(rnd).outcome}"
        made = self.remote.commit(branch, head, changed, gone, message)
        self._noted(branches={branch: made})
        if not self._same(made, out):
            raise ModelError(
                f"{self.remote.repo}: commit {made[:12]} does not hold what was sent",
                hint="look for a .gitignore there, then type the command again",
            )
        return made

    def _goes_to_main(self, rnd: Round) -> bool:
        """Whether main moves to a round: it is promoted, and main holds nothing that was published after it. The adapter in use goes there
        in any case, as after a rollback."""
        known = promotions(rnd.project)
        if known.outcome(rnd.number) != "promoted":
            return False
        if known.promoted == rnd.number or any(self.planned.values()):
            return True
        lineage = self._lineage(self.state.branches[MAIN]) if self.state else None
        return lineage is None or lineage.adapter in {adapter_id(locate(each, ADAPTER)) for each in ancestors(rnd)}

    def _commit_of_parent(self, rnd: Round) -> str | None:
        """The commit of the parent's tag; UNKNOWN where a dry run would publish it first, None for round 000."""
        if rnd.parent is None:
            return None
        if rnd.parent.number in self.planned and self.dry_run:
            return (self.state.tags.get(tag_of(rnd.parent.number)) if self.state else None) or UNKNOWN
        return self.state.tags[tag_of(rnd.parent.number)] if self.state else UNKNOWN

    def _lineage(self, commit: str) -> Lineage | None:
        """lineage.json of a commit; None where it has none that prefopt wrote."""
        found = self.remote.tree(commit).get(LINEAGE)
        if found is None or found.size > SMALL:
            return None
        try:
            return Lineage.model_validate_json(checked_json(self.remote.fetch(LINEAGE, commit).read_bytes()))
        except PrefoptError:
            raise
        except ValueError:
            return None

    def _same(self, commit: str, out: Outgoing) -> bool:
        """Whether a commit holds exactly what is published of a round, and nothing else of ours."""
        there = {name: file for name, file in self.remote.tree(commit).items() if name in FILES}
        return there.keys() == out.files.keys() and all(_equal(out.folder / n, f, there[n]) for n, f in out.files.items())

    def _noted(self, *, branches: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None) -> None:
        assert self.state is not None, "created before"  # noqa: S101  for the type checker
        known = self.state
        self.state = State(known.private, {**known.branches, **(branches or {})}, {**known.tags, **(tags or {})})


def _equal(path: Path, ours: PublishedFile, theirs: RemoteFile | None) -> bool:
    if theirs is None or theirs.size != ours.size:
        return False
    return theirs.sha256 == ours.sha256 if theirs.sha256 is not None else theirs.blob == git_blob(path)


@contextmanager
def _scratch(rnd: Round) -> Iterator[Path]:
    """A path for a new folder, removed afterwards; what killed processes left is removed first."""
    cache = rnd.project.cache
    cache.mkdir(exist_ok=True)
    for left in cache.glob("push-*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"push-{os.getpid()}-", dir=cache) as folder:
        yield Path(folder) / "round"
