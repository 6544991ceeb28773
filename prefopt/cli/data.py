"""The commands of `prefopt data`: arguments and output. Everything heavy is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.cli.data_options import (
    accepted_file,
    cost_of,
    lengths_of,
    model_folder,
    one_of,
    open_project_here,
    parts_of,
    print_json,
    project_parts,
    project_taxonomy,
    taxonomy_of,
)
from prefopt.errors import ConfigError
from prefopt.plugins import Json, finite

if TYPE_CHECKING:
    from collections import Counter

    from prefopt.taxonomy import Taxonomy

BUILTIN = ("ko_math_2022", "ko_math_2022_high", "ko_math_2022_all")

data = typer.Typer(no_args_is_help=True)

Columns = Annotated[str, typer.Option(help="Keys of columns with other names, e.g. text=question,label=class.")]
Target = Annotated[Path, typer.Argument(help="Its suffix selects the kind of file; without one, the folder of a Hugging Face dataset.")]
TaxonomyFile = Annotated[str, typer.Option(help='A taxonomy.csv, or "none" to accept any label [default: the project\'s, or the built-in]')]


@data.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of labeled problems [default: the project's]")] = None,
    pool: Annotated[Path | None, typer.Option(help="A file of problems without labels [default: the project's]")] = None,
    holdout: Annotated[Path | None, typer.Option(help="A file of labeled problems for evaluation [default: the project's]")] = None,
    taxonomy: TaxonomyFile = "",
    columns: Columns = "",
    ignore: Annotated[str, typer.Option(help="Columns to skip, e.g. answer,equation.")] = "",
    language: Annotated[str, typer.Option(help="Expected language of the texts: ko, en, ja, or any.")] = "ko",
    page_language: Annotated[str, typer.Option("--page", help="Language of the output: ko or en [default: the project's, or ko]")] = "",
    model: Annotated[str, typer.Option(help="Checkpoint whose tokenizer is used [default: the project's, or the tiny model]")] = "",
    cost: Annotated[bool, typer.Option("--cost", help="Estimate an SFT run: steps, hours on common GPUs, memory.")] = False,
    hourly: Annotated[float | None, typer.Option(callback=finite, min=0, help="Price of a GPU hour, for --cost.")] = None,
    per_million: Annotated[
        float | None, typer.Option(callback=finite, min=0, help="Price of a million trained tokens, for --cost.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every place of every finding, not only the first ones.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option(help="Id of findings that are right as they are; they are not reported again. May be repeated.")
    ] = None,
    because: Annotated[str, typer.Option(help="Why they are accepted; recorded with your name and the date.")] = "",
    accepted: Annotated[
        Path | None,
        typer.Option(help="File of the accepted findings [default: data/accepted.toml of the project, or next to the first file]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find faults, duplicates, leaks and personal data in files. The exit code is 1 if there is an error."""
    from prefopt.data.checks import accepted as acceptances
    from prefopt.data.checks.check_files import Rules, check_data
    from prefopt.data.checks.findings_page import as_json as listed
    from prefopt.data.checks.findings_page import page

    project = open_project_here()
    of_project = project is not None and not files  # --pool and --holdout then take the place of the project's
    parts = parts_of(files or [], pool, holdout, columns, ignore)
    parts = project_parts(project, parts) if of_project or not parts else parts
    labels = taxonomy_of(taxonomy, project)
    rules = Rules(
        reasons=(project.config.prompt.reasoning_language or None) if project else None,
        language=one_of(language, ("ko", "en", "ja", "any"), "--language", none="any"),
        holdout=project.config.data.holdout_share if project and of_project and not project.config.data.holdout_file else None,
        rounds=project.rounds_folder if project and of_project else None,
    )
    folder = model_folder(model, project)
    checked = check_data(parts, labels, rules, lengths_of(folder, project, labels))
    record = accepted_file(accepted, project, parts, writes=bool(accept))
    acceptances.set_aside(checked, acceptances.read_accepted(record))
    if because and not accept:
        raise ConfigError("--because without --accept: nothing is accepted", hint='--accept ID --because "why"')
    if accept:
        acceptances.accept(checked, accept, because, record)
    if cost or hourly is not None or per_million is not None:
        checked.counts["cost"] = cost_of(checked.counts, folder, project, hourly, per_million)
    words = one_of(page_language or (project.config.project.language if project else "ko"), ("ko", "en"), "--page")
    if as_json:
        print_json(listed(checked))
    else:
        print(page(checked, words or "ko", everything=everything, record=record), end="")  # type: ignore[arg-type]  # one of the two, as checked
    if checked.errors:
        raise typer.Exit(1)


@data.command()
def split(
    file: Path,
    out: Annotated[Path, typer.Option(help="Folder of the parts; an earlier split in it is kept and extended.")],
    shares: Annotated[str, typer.Option(help="Shares of train, validation and test, or of train and test.")] = "70/15/15",
    seed: int = 7,
    columns: Columns = "",
    as_json: Json = False,
) -> None:
    """Split a file into stratified parts without leaks. Families and near-duplicates stay together, also when data is added later."""
    from prefopt.data.prepare.split_file import parse_shares, split_file
    from prefopt.readers.problem_rows import parse_columns

    counts = split_file(file, out, parse_shares(shares), seed, parse_columns(columns))
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        print(f"{name:<12} {len(count) if isinstance(count, list) else count:>8,}")


@data.command()
def convert(
    source: Path,
    target: Target,
    to: Annotated[
        str,
        typer.Option(help="problems, argilla, openai-chat, openai-preference, instruction, trl-prompt-completion, trl-preference, pairs"),
    ],
    shape: Annotated[str | None, typer.Option("--from", help="Shape of the source [default: detected from its keys]")] = None,
    columns: Columns = "",
    bare: Annotated[
        bool, typer.Option("--bare", help="Omit metadata (id, family, weight), for programs that refuse unknown keys.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Convert a file to another shape or kind. Stops at a row that does not fit."""
    from prefopt.config import ProjectConfig
    from prefopt.data.formats.convert_file import ConversationSettings
    from prefopt.data.formats.convert_file import convert as run
    from prefopt.readers.problem_rows import parse_columns

    project = open_project_here()
    config = project.config if project else ProjectConfig()
    settings = ConversationSettings(config.prompt.instructions, config.answer.label_key, parse_columns(columns), metadata=not bare)
    count, known = run(source, target, to, settings, shape)
    if as_json:
        print_json({"rows": count, "from": known, "to": to, "path": str(target)})
    else:
        print(f"{target}: {count:,} rows, {known} → {to}")


@data.command()
def mask(source: Path, target: Path, columns: Columns = "", as_json: Json = False) -> None:
    """Write a copy with personal data masked: [전화번호], [이름] …"""
    from prefopt.data.prepare.mask_file import mask_file
    from prefopt.readers.problem_rows import parse_columns

    report = mask_file(source, target, parse_columns(columns))
    if as_json:
        print_json(report)
        return
    print(f"{target}: {report['problems']:,} problems, {len(report['rows']):,} of them masked")
    for kind, count in sorted(report["masked"].items()):
        print(f"  {count:>6,}  {kind}")


@data.command()
def sft(
    source: Path,
    target: Target,
    form: Annotated[str, typer.Option("--to", help="messages (TRL, transformers), text (Harmony), or ids (with a mask).")] = "messages",
    effort: Annotated[str, typer.Option(help="Reasoning effort: low, medium, high [default: the project's, or medium]")] = "",
    language: Annotated[str, typer.Option(help="Language of the reasons: ko, en, ja, or any [default: the project's, or any]")] = "",
    refused: Annotated[Path | None, typer.Option(help="A JSONL file for refused problems, with line and reason.")] = None,
    taxonomy: TaxonomyFile = "",
    model: Annotated[str, typer.Option(help="Checkpoint whose tokenizer is used [default: the project's, or the tiny model]")] = "",
    columns: Columns = "",
    as_json: Json = False,
) -> None:
    """Write labeled problems as Harmony examples for SFT. Reasons that do not support their label are refused."""
    from prefopt.config import ProjectConfig
    from prefopt.data.prepare.sft_examples import FORMS, sft_file
    from prefopt.readers.problem_rows import parse_columns
    from prefopt.taxonomy import builtin_taxonomy

    project = open_project_here()
    prompt = (project.config if project else ProjectConfig()).prompt
    changed: dict[str, str | None] = {}
    if effort:
        changed["effort"] = one_of(effort, ("low", "medium", "high"), "--effort")
    if language:
        changed["reasoning_language"] = one_of(language, ("ko", "en", "ja", "any"), "--language", none="any") or ""
    labels = taxonomy_of("" if taxonomy == "none" else taxonomy, project) or builtin_taxonomy()
    renderer = lengths_of(model_folder(model, project), project, labels, prompt.model_copy(update=changed)).renderer
    one_of(form, FORMS, "--to")
    made = sft_file(source, target, renderer, form, columns=parse_columns(columns), refused=refused)  # type: ignore[arg-type]  # as checked
    if as_json:
        facts = {"examples": made.written, "refused": dict(made.refused), "longest": made.longest}
        print_json(facts | {"effort": made.effort, "language": made.language or None, "path": str(target)})
        return
    print(f"{target}: {made.written:,} examples, effort {made.effort}, the longest has {made.longest:,} tokens")
    _print_refused(made.refused)


@data.command()
def augment(
    source: Path,
    target: Annotated[Path, typer.Argument(help="A new file for the model's texts; its suffix selects the kind of file.")],
    url: Annotated[str, typer.Option(help="An OpenAI-compatible server, e.g. http://127.0.0.1:8000")],
    model: Annotated[str, typer.Option(help="Name of the model on the server.")],
    kind: Annotated[str, typer.Option(help="paraphrase, back-translation, or reason (for labeled problems)")] = "paraphrase",
    variants: Annotated[int, typer.Option(min=1, max=20, help="Variants of each problem.")] = 1,
    language: Annotated[
        str, typer.Option(help="ko, en, ja or zh: intermediate language of a back-translation [default: en], or of reasons [default: ko]")
    ] = "",
    answers: Annotated[Path | None, typer.Option(help="JSONL of id and answer; the model is asked for other answers.")] = None,
    refused: Annotated[Path | None, typer.Option(help="A JSONL file for refused texts, with the reason.")] = None,
    key_env: Annotated[str, typer.Option(help="Environment variable with the key of the server.")] = "OPENAI_API_KEY",
    temperature: Annotated[float, typer.Option(callback=finite, min=0.0, max=2.0)] = 0.8,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Concurrent requests.")] = 4,
    seed: int = 7,
    taxonomy: TaxonomyFile = "",
    columns: Columns = "",
    as_json: Json = False,
) -> None:
    """Let a model write paraphrases or reasons. Texts that lose the numbers, the answer or the label are refused."""
    import os

    from prefopt.cli.console import bar
    from prefopt.data.prepare.augment_file import augment_file
    from prefopt.data.prepare.augment_requests import LANGUAGES, ORIGINS, Plan
    from prefopt.data.prepare.chat_client import ChatModel
    from prefopt.readers.problem_rows import parse_columns

    one_of(kind, ORIGINS, "--kind")
    chosen = one_of(language or ("ko" if kind == "reason" else "en"), tuple(LANGUAGES), "--language") or ""
    plan = Plan(kind, variants, chosen, seed, temperature, at_once=at_once)  # type: ignore[arg-type]  # one of the three, as checked
    labels = taxonomy_of(taxonomy, open_project_here()) if kind == "reason" else None
    with bar("problems") as on_step:
        made = augment_file(
            source, target, ChatModel(url, model, os.environ.get(key_env, "")), plan,
            taxonomy=labels, answers=answers, refused=refused, columns=parse_columns(columns), on_step=on_step,
        )  # fmt: skip
    if as_json:
        print_json({"accepted": made.accepted, "refused": dict(made.refused), "not sent": made.not_sent, "path": str(target)})
        return
    print(f"{target}: {made.accepted:,} rows marked as {kind}")
    _print_refused(made.refused)
    if made.not_sent:
        print(f"  {len(made.not_sent):>6,}  problems with personal data were not sent; run `prefopt data mask` first")


def _print_refused(refused: Counter[str]) -> None:
    for why, count in refused.most_common():
        print(f"  {count:>6,}  refused: {why}")


@data.command()
def taxonomy(
    file: Annotated[Path | None, typer.Argument(help="A taxonomy.csv [default: the project's]")] = None,
    builtin: Annotated[str, typer.Option(help="ko_math_2022, ko_math_2022_high or ko_math_2022_all instead of a file.")] = "",
    model: Annotated[
        str, typer.Option(help="Checkpoint whose tokenizer must distinguish the labels [default: the project's, or the tiny model]")
    ] = "",
    statements: Annotated[Path | None, typer.Option(help="A CSV file of codes and statements to add to --out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the taxonomy with statements.")] = None,
    as_json: Json = False,
) -> None:
    """Check a taxonomy, or add statements to it. Finds equal names, cyclic groups and labels with the same tokens; exit code 1 if any."""
    from prefopt.data.checks.taxonomy_checks import colliding_codes, taxonomy_faults
    from prefopt.taxonomy import builtin_taxonomy, read_taxonomy

    project = open_project_here()
    if builtin and builtin not in BUILTIN:
        raise ConfigError(f"--builtin {builtin!r}: not one of {', '.join(BUILTIN)}", hint=f"--builtin {BUILTIN[0]}")
    if (statements is None) != (out is None):
        raise ConfigError("--statements and --out go together", hint="--statements FILE --out taxonomy.csv")
    labels = builtin_taxonomy(builtin) if builtin else read_taxonomy(file or project_taxonomy(project))
    left = _joined(labels, statements, out)
    lengths = lengths_of(model_folder(model, project), project, labels)
    faults = taxonomy_faults(labels, lengths.renderer.label_ids)
    shared = colliding_codes(labels)
    if as_json:
        rows = [{"error": f.error, "labels": list(f.labels), "detail": f.detail} for f in faults]
        facts = {"labels": len(labels), "groups": list(labels.group_names), "in both revisions": len(shared), "faults": rows}
        print_json(facts if left is None else facts | {"path": str(out), "statements of other labels": left})
    else:
        print(f"{labels.source}: {len(labels)} labels, groups {', '.join(labels.group_names) or 'none'}")
        print(f"{len(shared)} codes exist in the 2015 and the 2022 revision with different meanings: keep the column revision")
        if left is not None:
            print(f"{out}: every label with its statement; {left} statements of the file belong to other labels")
        for fault in faults:
            print(f"  {'error' if fault.error else 'note '}  {fault.detail}")
    if any(f.error for f in faults):
        raise typer.Exit(1)


def _joined(labels: Taxonomy, statements: Path | None, out: Path | None) -> int | None:
    from prefopt.data.formats.curriculum_statements import with_statements

    return None if statements is None or out is None else with_statements(labels, statements, out)


@data.command()
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
    as_json: Json = False,
) -> None:
    """Generate labeled Korean problems with reasons. The same seed gives the same problems."""
    from prefopt.data.prepare.generate_file import generate_file, standards_of

    made = generate_file(out, standards_of(standards), per_standard, seed, pairs=pairs, answers=answers)
    if as_json:
        print_json(made)
    else:
        print(f"{out}: {made['problems']:,} problems of {made['standards']} standards, {made['families']} families")
