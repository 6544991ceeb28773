"""`prefopt push`, and what `prefopt init --from` prints."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.cli import console

if TYPE_CHECKING:
    from prefopt.deploy.hub.begin import Begun
    from prefopt.deploy.hub.push import Pushed, PushedRound

REPORT_NOTE = "report.html shows texts of problems, and names and comments of teachers"


def push_round(repo: str, number: int | None, *, private: bool, license_: str, with_report: bool, dry_run: bool, as_json: bool) -> None:
    """Publish a round, and print what was done."""
    from prefopt.cli.rounds import round_in_use
    from prefopt.deploy.hub.push import Wanted, push

    rnd = round_in_use(number)
    settings = rnd.project.config.push
    wanted = Wanted(repo, license_ or settings.license, settings.base_model, private, with_report)
    with console.stage_bars() as watch:
        done = push(rnd, wanted, dry_run=dry_run, on_step=watch(rnd, "push"))
    if as_json:
        console.print_json(pushed_json(done, dry_run, with_report))
        return
    print_pushed(done, dry_run, with_report)


def pushed_json(done: Pushed, dry_run: bool, with_report: bool) -> dict[str, Any]:
    """What --json prints of a push."""
    return {
        "repo": done.repo,
        "url": done.url,
        "private": done.private,
        "created": done.created,
        "dry_run": dry_run,
        "rounds": [_round_json(pushed) for pushed in done.rounds],
        "notes": [*done.notes, *([REPORT_NOTE] if with_report else [])],
    }


def _round_json(pushed: PushedRound) -> dict[str, Any]:
    files = [{"name": name, "size": file.size, "sha256": _digest(pushed, name)} for name, file in sorted(pushed.files.items())]
    row = {"round": pushed.number, "branch": pushed.branch, "tag": f"round-{pushed.number:03d}", "what": pushed.what}
    return {**row, "commit": pushed.commit, "files": files}


def _digest(pushed: PushedRound, name: str) -> str | None:
    """None for the file that names the commit of a parent which is not published yet."""
    return pushed.files[name].sha256 if pushed.parent_known or name != "lineage.json" else None


def print_pushed(done: Pushed, dry_run: bool, with_report: bool) -> None:
    """Print what a push did, or would do, round by round; in a dry run every file."""
    new = {True: "new, ", False: "", None: "not asked, "}[done.created]
    console.out.print(f"{done.url} ({new}{'private' if done.private else 'public'})", markup=False)
    for pushed in done.rounds:
        at = "" if pushed.commit is None else f", at {pushed.commit[:12]}"
        what = {"nothing": "nothing to do"}.get(pushed.what, pushed.what)
        branch = f"branch {pushed.branch}, " if pushed.what.startswith("commit") else ""
        console.out.print(f"round {pushed.number:03d}: {what} ({branch}tag round-{pushed.number:03d}{at})", markup=False)
        if dry_run:
            for name, file in sorted(pushed.files.items()):
                digest = _digest(pushed, name) or "known once the round before it is published"
                console.out.print(f"  {name:<26} {file.size:>12,}  {digest}", markup=False, soft_wrap=True)
    for note in (*done.notes, *([REPORT_NOTE] if with_report else [])):
        console.out.print(note, markup=False)
    if dry_run:
        console.out.print("dry run: nothing was sent", markup=False)
        return
    console.out.print(f"read it back: prefopt init FOLDER --from hub:{done.repo}@round-{done.rounds[-1].number:03d}", markup=False)


def begin_project(text: str, folder: Path, model: str, as_json: bool) -> None:
    """Make a project from a published round, and print what it is."""
    from prefopt.deploy.hub.begin import begin

    made = begin(text, folder, model=model)
    if as_json:
        console.print_json({"project": str(folder), **{key: value for key, value in vars(made).items() if key != "folder"}})
        return
    print_begun(made, folder)


def print_begun(made: Begun, folder: Path) -> None:
    """Print what a new project starts from, and what to type next."""
    console.out.print(f"{folder}: round {made.round:03d} of {made.source} is round 000 here", markup=False)
    console.out.print(
        f"adapter {made.adapter} of {made.base}, {made.outcome} there; {made.labels} labels; every digest was compared", markup=False
    )
    here = shlex.quote(str(folder))
    console.out.print(f"next: cd {here} && prefopt predict PROBLEMS", markup=False)
    console.out.print(
        "its thresholds are about problems like those of its own hold-out; to judge it on yours, put labeled problems that it was not "
        "trained on into data/gold.jsonl, then type prefopt sft",
        markup=False,
    )
