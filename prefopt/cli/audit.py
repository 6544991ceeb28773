"""prefopt audit: show the sealed problems, or open them once. Arguments and output only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefopt.plugins import Json

if TYPE_CHECKING:
    from prefopt.rounds.audit import Audit

audit = typer.Typer(help="Show the sealed problems, or open them once for the adapter in use.", invoke_without_command=True)


@audit.callback(invoke_without_command=True)
def audit_(
    open_: Annotated[bool, typer.Option("--open", help="Score the adapter in use on them. This is possible once.")] = False,
    because: Annotated[str, typer.Option(help="The reason; it is kept in the record and shown in the report.")] = "",
    as_json: Json = False,
) -> None:
    """Show what is sealed (`data.audit`) and whether it was opened; --open scores the adapter in use on it, once."""
    from prefopt.cli import console
    from prefopt.errors import ConfigError
    from prefopt.project.project import open_project
    from prefopt.rounds.audit import audit_of, open_audit

    if because and not open_:
        raise ConfigError("--because is for --open", hint='prefopt audit --open --because "…"')
    project = open_project()
    if open_:
        with console.bar("sealed problems") as on_step:
            open_audit(project, because, lambda done, total, _: on_step(done, total or 0))
    found = audit_of(project)
    if as_json:
        console.print_json(_plain(found))
    else:
        console.out.print("\n".join(_lines(found, project.rounds_folder / "audit.json")), markup=False)


def _plain(found: Audit) -> dict[str, Any]:
    counts = {"problems": len(found.problems), "groups": found.groups, "labels": found.labels, "never_opened": len(found.fresh)}
    openings = [opening.model_dump(mode="json") for opening in found.record.openings]
    return {"file": str(found.file), **counts, "openings": openings}


def _lines(found: Audit, record: Any) -> list[str]:
    from prefopt.project.audit import LEAST
    from prefopt.report.wording.audit import opening_sentences, sealed_sentence

    lines = [f"{found.file}: {len(found.problems)} problems of {found.groups} groups, {found.labels} labels"]
    for opening in found.record.openings:
        lines += [*(sentence.en for sentence in opening_sentences(opening)), f"The reason given: {opening.because}"]
    if found.record.unfinished:
        return [*lines, 'to finish it: prefopt audit --open --because "…"']
    if not found.record.openings:
        lines.append(sealed_sentence(len(found.problems)).en)
    else:
        lines.append(f"record: {record}")
        if len(found.fresh) < LEAST:
            return [*lines, f"{len(found.fresh)} problems are of groups that were never opened; {LEAST} are needed to open the audit again"]
        lines.append(f"{len(found.fresh)} problems are of groups that were never opened")
    return [*lines, 'to score the adapter in use on them, which is possible once: prefopt audit --open --because "…"']
