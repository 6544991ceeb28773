"""prefopt data check | split | convert | mask | generate. Arguments and output only; everything heavy is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefopt.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from prefopt.data.entries import Part
    from prefopt.data.tokens import Lengths
    from prefopt.project import Project
    from prefopt.taxonomy import Taxonomy

BUILTIN = ("ko_math_2022", "ko_math_2022_high", "ko_math_2022_all")

data = typer.Typer(help="Data before it costs: check, split, convert, mask, generate.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, last on stdout.")]
Columns = Annotated[str, typer.Option(help="Columns of the file that have other names, e.g. text=question,label=class.")]
TaxonomyFile = Annotated[str, typer.Option(help='A taxonomy.csv, or "none": any label is right [default: the project\'s, or the built-in]')]


@data.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of labelled problems; default: the project's own.")] = None,
    pool: Annotated[Path | None, typer.Option(help="A file of problems without labels.")] = None,
    holdout: Annotated[Path | None, typer.Option(help="A file of labelled problems that is judged on.")] = None,
    taxonomy: TaxonomyFile = "",
    columns: Columns = "",
    ignore: Annotated[str, typer.Option(help="Columns that may stand in the files and are not looked at, e.g. answer,equation.")] = "",
    language: Annotated[str, typer.Option(help="Expected language of the texts: ko, en, ja, or any.")] = "ko",
    page_language: Annotated[str, typer.Option("--page", help="Language of the page: ko or en [default: the project's, or ko]")] = "",
    model: Annotated[str, typer.Option(help="Checkpoint whose tokenizer counts [default: the project's, or the tiny model's]")] = "",
    cost: Annotated[bool, typer.Option("--cost", help="Estimate an SFT run: steps, hours on common GPUs, memory.")] = False,
    hourly: Annotated[float | None, typer.Option(help="Price of a GPU hour, for --cost.")] = None,
    per_million: Annotated[float | None, typer.Option(help="Price of a million trained tokens, for --cost.")] = None,
    as_json: Json = False,
) -> None:
    """Check problem files before they cost anything: exit code 1 where something has to be mended."""
    from prefopt.data.check import Rules, check_data
    from prefopt.data.page import as_json as listed
    from prefopt.data.page import page

    project = _project()
    parts = _parts(files or [], pool, holdout, columns, ignore) if files or pool or holdout else _project_parts(project)
    labels = _taxonomy(taxonomy, project)
    rules = Rules(
        language=_one_of(language, ("ko", "en", "ja", "any"), "--language", none="any"),
        holdout=project.config.data.holdout if project and not files and not project.config.data.holdout_file else None,
    )
    folder = _model(model, project)
    checked = check_data(parts, labels, rules, _lengths(folder, project, labels))
    if cost or hourly is not None or per_million is not None:
        checked.facts["cost"] = _cost(checked.facts, folder, project, hourly, per_million)
    words = _one_of(page_language or (project.config.project.language if project else "ko"), ("ko", "en"), "--page")
    if as_json:
        _print_json(listed(checked))
    else:
        print(page(checked, words or "ko"), end="")  # type: ignore[arg-type]  # one of the two, as checked
    if checked.errors:
        raise typer.Exit(1)


@data.command()
def split(
    file: Path,
    out: Annotated[Path, typer.Option(help="Folder of the parts; an earlier split that lies there is kept.")],
    shares: Annotated[str, typer.Option(help="Shares of train, validation and test, or of train and test.")] = "70/15/15",
    seed: int = 7,
    columns: Columns = "",
    as_json: Json = False,
) -> None:
    """Split a file: stratified by label, families and near-duplicates together, stable when data is added."""
    from prefopt.data.problem_rows import parse_columns
    from prefopt.data.split import parse_shares, split_file

    counts = split_file(file, out, parse_shares(shares), seed, parse_columns(columns))
    if as_json:
        _print_json(counts)
        return
    for name, count in counts.items():
        print(f"{name:<12} {len(count) if isinstance(count, list) else count:>8,}")


@data.command()
def convert(
    source: Path,
    target: Annotated[Path, typer.Argument(help="Its ending chooses the kind of file; without one, a Hugging Face dataset's folder.")],
    to: Annotated[
        str, typer.Option(help="problems, openai-chat, openai-preference, instruction, trl-prompt-completion, trl-preference, pairs")
    ],
    shape: Annotated[str | None, typer.Option("--from", help="Shape of the source [default: what its keys show]")] = None,
    columns: Columns = "",
    bare: Annotated[
        bool, typer.Option("--bare", help="Leave out metadata (id, family, weight), for programs that refuse unknown keys.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a file in another shape or kind; what the other cannot hold is refused by line."""
    from prefopt.config import ProjectConfig
    from prefopt.data.convert import Words
    from prefopt.data.convert import convert as run
    from prefopt.data.problem_rows import parse_columns

    project = _project()
    config = project.config if project else ProjectConfig()
    words = Words(config.prompt.instructions, config.answer.label_key, parse_columns(columns), metadata=not bare)
    count, known = run(source, target, to, words, shape)
    if as_json:
        _print_json({"rows": count, "from": known, "to": to, "path": str(target)})
    else:
        print(f"{target}: {count:,} rows, {known} → {to}")


@data.command()
def mask(source: Path, target: Path, columns: Columns = "", as_json: Json = False) -> None:
    """Write a copy with personal data masked: [전화번호], [이름] …"""
    from prefopt.data.mask import mask_file
    from prefopt.data.problem_rows import parse_columns

    report = mask_file(source, target, parse_columns(columns))
    if as_json:
        _print_json(report)
        return
    print(f"{target}: {report['problems']:,} problems, {len(report['rows']):,} of them masked")
    for kind, count in sorted(report["masked"].items()):
        print(f"  {count:>6,}  {kind}")


@data.command()
def taxonomy(
    file: Annotated[Path | None, typer.Argument(help="A taxonomy.csv; default: the project's.")] = None,
    builtin: Annotated[str, typer.Option(help="ko_math_2022, ko_math_2022_high or ko_math_2022_all, in place of a file.")] = "",
    model: Annotated[
        str, typer.Option(help="Checkpoint whose tokens tell the labels apart [default: the project's, or the tiny model's]")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check a taxonomy: names that collide, circles among groups, labels that are the same tokens. Exit code 1 where it has an error."""
    from prefopt.data.taxonomy_check import colliding_codes, taxonomy_faults
    from prefopt.taxonomy import builtin_taxonomy, read_taxonomy

    project = _project()
    if builtin and builtin not in BUILTIN:
        raise ConfigError(f"--builtin {builtin!r}: not one of {', '.join(BUILTIN)}", hint=f"--builtin {BUILTIN[0]}")
    labels = builtin_taxonomy(builtin) if builtin else read_taxonomy(file or _project_taxonomy(project))
    lengths = _lengths(_model(model, project), project, labels)
    faults = taxonomy_faults(labels, lengths.renderer.label_ids)
    shared = colliding_codes(labels)
    if as_json:
        rows = [{"error": f.error, "labels": list(f.labels), "detail": f.detail} for f in faults]
        _print_json({"labels": len(labels), "groups": list(labels.group_names), "in both revisions": len(shared), "faults": rows})
    else:
        print(f"{labels.source}: {len(labels)} labels, groups {', '.join(labels.group_names) or 'none'}")
        print(f"{len(shared)} of the codes stand in the 2015 and the 2022 revision with different meanings: keep the column revision")
        for fault in faults:
            print(f"  {'error' if fault.error else 'note '}  {fault.detail}")
    if any(f.error for f in faults):
        raise typer.Exit(1)


@data.command()
def generate(
    out: Annotated[Path, typer.Option(help="File to write; its ending chooses the kind.")],
    standards: Annotated[str, typer.Option(help="all, or codes and their beginnings: 2수01-06,6수03")] = "all",
    per_standard: Annotated[int, typer.Option(min=1)] = 10,
    seed: int = 7,
    pairs: Annotated[int, typer.Option(min=0, help="Near-miss pairs to add: two problems that differ in one condition.")] = 0,
    answers: Annotated[Path | None, typer.Option(help="A JSONL file for the computed answers.")] = None,
    as_json: Json = False,
) -> None:
    """Generate labelled Korean problems with reasons: the same seed gives the same problems."""
    from prefopt.data.generate import generate_file, standards_of

    made = generate_file(out, standards_of(standards), per_standard, seed, pairs=pairs, answers=answers)
    if as_json:
        _print_json(made)
    else:
        print(f"{out}: {made['problems']:,} problems of {made['standards']} standards, {made['families']} families")


def _project_taxonomy(project: Project | None) -> Path:
    if project is None:
        raise ProjectError("no file is given and there is no project here", hint="prefopt data taxonomy FILE")
    return project.root / project.config.data.taxonomy


def _project() -> Project | None:
    """The project here or above, if there is one."""
    from prefopt.project import open_project

    try:
        return open_project()
    except ProjectError:
        return None


def _taxonomy(given: str, project: Project | None) -> Taxonomy | None:
    from prefopt.taxonomy import builtin_taxonomy, read_taxonomy

    if given == "none":
        return None
    if given:
        return read_taxonomy(Path(given))
    return read_taxonomy(project.root / project.config.data.taxonomy) if project else builtin_taxonomy()


def _parts(files: list[Path], pool: Path | None, holdout: Path | None, columns: str, ignore: str) -> list[Part]:
    from prefopt.data.entries import Part
    from prefopt.data.problem_rows import parse_columns

    names, ignored = parse_columns(columns), frozenset(filter(None, (c.strip() for c in ignore.split(","))))
    parts = [Part(f, "gold", True, names, ignored) for f in files]
    parts += [Part(pool, "pool", False, names, ignored)] if pool else []
    return [*parts, *([Part(holdout, "holdout", True, names, ignored)] if holdout else [])]


def _project_parts(project: Project | None) -> list[Part]:
    from prefopt.data.entries import Part

    if project is None:
        raise ProjectError("no files are given and there is no project here", hint="prefopt data check FILE")
    settings = project.config.data
    parts = [Part(project.root / settings.gold, "gold", True), Part(project.root / settings.pool, "pool", False)]
    return [*parts, *([Part(project.root / settings.holdout_file, "holdout", True)] if settings.holdout_file else [])]


def _model(given: str, project: Project | None) -> Path:
    from prefopt.tiny import checkpoint_path

    name = given or (project.config.model.path if project else "tiny")
    return checkpoint_path() if name == "tiny" else (Path(name) if given or not project else project.root / name)


def _lengths(folder: Path, project: Project | None, taxonomy: Taxonomy | None) -> Lengths:
    from prefopt.config import ProjectConfig
    from prefopt.data.tokens import open_lengths
    from prefopt.taxonomy import builtin_taxonomy

    config = project.config if project else ProjectConfig()
    return open_lengths(folder, config.prompt, config.answer, taxonomy or builtin_taxonomy())


def _cost(facts: dict[str, Any], folder: Path, project: Project | None, hourly: float | None, per_million: float | None) -> dict[str, Any]:
    from prefopt.config import AdapterSettings
    from prefopt.data.cost import Run, estimate, model_size

    options = project.config.recipes.get("sft", {}) if project else {}
    epochs, batch = float(options.get("epochs", 2.0)), int(options.get("batch_size", 4)) * int(options.get("accumulate", 4))
    tokens, labelled, problems = facts["tokens"], facts["labelled"], max(facts["problems"], 1)
    renderings = 1 + 2 * facts["with reason"] / max(labelled, 1)  # answer; and reason and explain where there is a reason
    run = Run(round(labelled * renderings), epochs, batch, round(tokens["prompts"] * labelled / problems * renderings + tokens["answers"]))
    adapter = project.config.adapter if project else AdapterSettings()
    return estimate(run, model_size(folder, adapter), hourly=hourly, per_million=per_million)


def _one_of(given: str, known: tuple[str, ...], option: str, none: str = "") -> str | None:
    if given not in known:
        raise ConfigError(f"{option} {given!r}: not one of {', '.join(known)}", hint=f"{option} {known[0]}")
    return None if given == none else given


def _print_json(value: Any) -> None:
    from prefopt.console import print_json

    print_json(value)
