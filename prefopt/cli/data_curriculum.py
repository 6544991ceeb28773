"""The commands `prefopt data taxonomy` and `prefopt data generate`: labels, and problems made for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.cli.data_options import Force, lengths_of, model_folder, of_project, open_project_here, print_json
from prefopt.cli.reading import reads_files
from prefopt.errors import ConfigError
from prefopt.io.targets import refuse_taken
from prefopt.plugins import Json
from prefopt.readers.options import AS_IT_IS, ReadOptions

if TYPE_CHECKING:
    from prefopt.taxonomy import Taxonomy


@reads_files
def taxonomy(
    file: Annotated[Path | None, typer.Argument(help="A file of labels [default: the project's]")] = None,
    builtin: Annotated[str, typer.Option(help="ko_math_2022, ko_math_2022_high or ko_math_2022_all instead of a file.")] = "",
    model: Annotated[
        str, typer.Option(help="Checkpoint whose tokenizer must distinguish the labels [default: the project's, or the tiny model]")
    ] = "",
    statements: Annotated[Path | None, typer.Option(help="A file of codes and statements to add to --out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the taxonomy with statements.")] = None,
    force: Force = False,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Check a taxonomy, or add statements to it. Finds equal names, cyclic groups and labels with the same tokens; exit code 1 if any."""
    from prefopt.data.checks.taxonomy_checks import colliding_codes, taxonomy_faults
    from prefopt.taxonomy import BUILTIN, builtin_taxonomy, open_taxonomy

    project = open_project_here()
    if builtin and builtin not in BUILTIN:
        raise ConfigError(f"--builtin {builtin!r}: not one of {', '.join(BUILTIN)}", hint=f"--builtin {BUILTIN[0]}")
    if (statements is None) != (out is None):
        raise ConfigError("--statements and --out go together", hint="--statements FILE --out taxonomy.csv")
    if out is not None:
        refuse_taken([out], sources=[path for path in (file, statements) if path], force=force)
    own = reading if statements is None else AS_IT_IS  # with --statements the options are for that file
    labels = builtin_taxonomy(builtin) if builtin else open_taxonomy(file, own) if file else of_project(project)
    left = _joined(labels, statements, out, reading)
    lengths = lengths_of(model_folder(model, project), project, labels)
    faults = taxonomy_faults(labels, lengths.renderer.label_ids)
    shared = colliding_codes(labels)
    if as_json:
        rows = [{"error": f.error, "labels": list(f.labels), "detail": f.detail} for f in faults]
        facts = {"labels": len(labels), "groups": list(labels.group_names), "in both revisions": len(shared), "faults": rows}
        print_json(facts if left is None else facts | {"path": str(out), "statements of other labels": left})
    else:
        print(f"{labels.source}: {len(labels)} labels, groups {', '.join(labels.group_names) or 'none'}")
        if shared:
            print(f"{len(shared)} codes exist in the 2015 and the 2022 revision with different meanings: keep the column revision")
        if left is not None:
            print(f"{out}: every label with its statement; {left} statements of the file belong to other labels")
        for fault in faults:
            print(f"  {'error' if fault.error else 'note '}  {fault.detail}")
    if any(f.error for f in faults):
        raise typer.Exit(1)


def _joined(labels: Taxonomy, statements: Path | None, out: Path | None, reading: ReadOptions) -> int | None:
    from prefopt.data.formats.curriculum_statements import with_statements

    return None if statements is None or out is None else with_statements(labels, statements, out, reading)


def generate(
    out: Annotated[Path, typer.Option(help="File to write; its suffix selects the kind.")],
    standards: Annotated[str, typer.Option(help="all, or codes and prefixes of codes: 2수01-06,6수03")] = "all",
    per_standard: Annotated[int, typer.Option(min=1, help="Problems of each standard.")] = 10,
    seed: int = 7,
    pairs: Annotated[
        int,
        typer.Option(min=0, help="Pairs of problems to add that differ in one condition, and so in the standard."),
    ] = 0,
    answers: Annotated[Path | None, typer.Option(help="A JSONL file for the computed answers.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Generate labeled Korean problems with reasons. The same seed gives the same problems."""
    from prefopt.data.prepare.generate_file import generate_file, standards_of

    refuse_taken([path for path in (out, answers) if path], force=force)
    made = generate_file(out, standards_of(standards), per_standard, seed, pairs=pairs, answers=answers)
    if as_json:
        print_json(made)
    else:
        print(f"{out}: {made['problems']:,} problems of {made['standards']} standards, {made['families']} families")
