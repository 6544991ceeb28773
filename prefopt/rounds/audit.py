"""`prefopt audit`: the sealed problems of data.audit, and their opening, in which the adapter in use is scored on them once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from prefopt.errors import DataError, ProjectError
from prefopt.io.hashing import hash_path
from prefopt.io.locks import locked
from prefopt.io.sealed import read_sealed_rows, write_sealed_rows
from prefopt.io.stage_folders import now
from prefopt.project.audit import LEAST, AuditFigures, AuditRecord, Opening, read_audit, write_audit
from prefopt.project.families import SHOWN, components, refuse_kin, rows_of
from prefopt.project.loading import read_questions
from prefopt.project.project import Project, ProjectData, Round, load_data
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Problem
from prefopt.rounds.artifacts import ADAPTER, SLATES
from prefopt.rounds.promotion import promoted_round
from prefopt.rounds.reading import has, locate, read
from prefopt.rounds.stage import Workspace


@dataclass(frozen=True)
class Audit:
    """The audit of a project as it stands."""

    file: Path
    problems: tuple[Problem, ...]
    groups: int
    labels: int
    fresh: tuple[Problem, ...]
    """Problems whose groups were never opened, in the order of the file."""
    record: AuditRecord


def audit_of(project: Project) -> Audit:
    """The audit as it stands; every door is checked.

    Raises:
        DataError: the file has a fault, or a problem of one group with one that is used elsewhere.
        ProjectError: no file is set, or the record was changed by hand.
    """
    return _audit(project, _checked(project))


def open_audit(project: Project, because: str, on_step: OnStep = ignore_steps) -> Opening:
    """Score the adapter in use on the problems whose groups were never opened. An interrupted opening is finished as it was begun.

    Args:
        project: with data.audit.
        because: the reason; it is kept in the record and shown in the report.
        on_step: progress.

    Raises:
        DataError, ProjectError: see audit_of; no reason is given; nothing is promoted; too few problems were never opened; another process
            is opening.
        ModelError: a problem does not fit.
    """
    if not because.strip():
        raise ProjectError("an opening needs a reason: it is kept in the record and shown in the report", hint='--because "…"')

    def busy(owner: str) -> ProjectError:
        return ProjectError(f"the audit is being opened by {owner}", hint="wait for it to end; `prefopt audit` shows the result")

    data = _checked(project)
    with locked(project.rounds_folder / ".audit.lock", busy):
        found = _audit(project, data)
        begun = found.record.unfinished or _begin(project, found, because.strip())
        return _finish(project, data, begun, on_step)


def _checked(project: Project) -> ProjectData:
    """The project's data, with the doors of gold, pool, gold questions and all slates that were ever shown."""
    if not project.config.data.audit:
        raise ProjectError(
            "the project has no audit: no labeled problems are sealed",
            hint='prefopt data split NEW.jsonl --out data/new --shares 80/20; then audit = "data/new/test.jsonl" in [data]',
        )
    data = load_data(project.root, project.config, with_pool=True)
    rounds = project.rounds()
    if project.config.feedback.gold_file:
        read_questions(project.root, project.config, data)
    audit = data.rows(data.audit, "audit")
    for rnd in rounds:
        if has(rnd, SLATES) and not rnd.stage(SLATES.stage).is_symlink():
            path = f"rounds/{rnd.name}/{SLATES.stage}/{SLATES.file}"
            refuse_kin(audit, rows_of((s.problem for s in read(rnd, SLATES)), path, "slates"), SHOWN)
    return data


def _audit(project: Project, data: ProjectData) -> Audit:
    record = read_audit(project.rounds_folder)
    opened = [problem for number in range(len(record.openings)) for problem in _opened(project, number)]
    keys = components([*opened, *data.audit])
    known = set(keys[: len(opened)])
    fresh = tuple(p for p, key in zip(data.audit, keys[len(opened) :], strict=True) if key not in known)
    file, labels = project.root / project.config.data.audit, len({p.label for p in data.audit})
    return Audit(file, data.audit, len({data.groups[p.id] for p in data.audit}), labels, fresh, record)


def _opened(project: Project, number: int) -> list[Problem]:
    """The problems of an opening, as they were scored."""
    path = project.rounds_folder / f"audit-{number + 1}.jsonl"
    opening = read_audit(project.rounds_folder).openings[number]
    problems = read_sealed_rows(path, Problem)
    if tuple(p.id for p in problems) != opening.problems:
        raise ProjectError(f"{path} does not hold the problems of opening {number + 1}", hint="restore the file from a copy")
    return problems


def _begin(project: Project, found: Audit, because: str) -> Opening:
    rnd = promoted_round(project)
    if len(found.fresh) < LEAST:
        before = f"of {len(found.problems)} problems, {len(found.problems) - len(found.fresh)} are of groups that were opened before"
        raise DataError(
            f"{before if found.record.openings else f'the audit has {len(found.problems)} problems'}: at least {LEAST} new ones are needed",
            path=found.file,
            hint="add labeled problems of new families to it; `prefopt audit` shows what was found before",
        )
    opening = Opening(
        round=rnd.number,
        adapter_sha256=hash_path(locate(rnd, ADAPTER, content=True)),
        at=now(),
        because=because,
        file=project.config.data.audit,
        file_sha256=hash_path(found.file),
        problems=tuple(p.id for p in found.fresh),
        groups=len(set(components(found.fresh))),
    )
    number = len(found.record.openings) + 1
    write_sealed_rows(project.rounds_folder / f"audit-{number}.jsonl", found.fresh)  # first: a record without its problems would be damaged
    write_audit(project.rounds_folder, AuditRecord(openings=(*found.record.openings, opening)))
    return opening


def _finish(project: Project, data: ProjectData, opening: Opening, on_step: OnStep) -> Opening:
    """Score the problems of an opening that has begun, and complete the record."""
    from prefopt.calibration.evaluate import evaluate  # numpy, scipy and torch: not for a look at the audit
    from prefopt.calibration.posteriors import write_posteriors
    from prefopt.io.files import replacing
    from prefopt.rounds.scoring import score_holdout

    record = read_audit(project.rounds_folder)
    number, rnd = len(record.openings), project.round(opening.round)
    adapter = _same_adapter(rnd, opening)
    problems = tuple(_opened(project, number - 1))
    groups = dict(zip((p.id for p in problems), components(problems), strict=True))
    scored = replace(data, holdout=problems, groups={**data.groups, **groups})
    settings = rnd.config
    work = Workspace(project.root, project.cache / "audit" / f"{number}-{opening.adapter_sha256[:16]}", project.cache, on_step)
    own = score_holdout(adapter, scored, settings, work, "scored")
    result = evaluate(own.log_probs, own.gold, own.problem_ids, data.taxonomy, settings.calibrate, settings.project.seed, groups=own.groups)
    path = project.rounds_folder / f"audit-{number}.parquet"
    with replacing(path) as temporary:
        write_posteriors(temporary, own)
    figures = AuditFigures(
        accuracy=result.accuracy, brier=result.brier, confidence_level=settings.calibrate.confidence, posteriors_sha256=hash_path(path)
    )
    done = opening.model_copy(update={"figures": figures})
    write_audit(project.rounds_folder, AuditRecord(openings=(*record.openings[:-1], done)))
    shutil.rmtree(work.folder)
    return done


def _same_adapter(rnd: Round, opening: Opening) -> Path:
    adapter = locate(rnd, ADAPTER, content=True)
    if hash_path(adapter) != opening.adapter_sha256:
        raise ProjectError(
            f"the opening was begun with another adapter of round {rnd.name}",
            hint=f"restore {adapter}: the audit was opened for that adapter and is finished with it",
        )
    return adapter
