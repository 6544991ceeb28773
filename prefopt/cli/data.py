"""The commands of `prefopt data`: arguments and output. Everything heavy is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.cli.data_curriculum import generate, taxonomy
from prefopt.cli.data_options import (
    Force,
    accepted_file,
    cost_of,
    label_key_of,
    label_word_of,
    lengths_of,
    model_folder,
    one_of,
    open_project_here,
    parts_as,
    parts_of,
    print_json,
    project_parts,
    prompt_of,
    taxonomy_of,
)
from prefopt.cli.reading import reads_files
from prefopt.errors import ConfigError
from prefopt.io.targets import refuse_taken
from prefopt.plugins import Json, finite
from prefopt.readers.options import AS_IT_IS, ReadOptions

if TYPE_CHECKING:
    from collections import Counter

    from prefopt.data.formats.equation_scripts import EquationScripts

data = typer.Typer(no_args_is_help=True)

LANGUAGES = ("ko", "en", "ja", "any")
LabelKey = Annotated[str, typer.Option(help="Key of the label in answers that are JSON [default: the project's, or standard]")]
Target = Annotated[Path, typer.Argument(help="Its suffix selects the kind of file; without one, the folder of a Hugging Face dataset.")]
TaxonomyFile = Annotated[str, typer.Option(help='A file of labels, a built-in one, or "none" [default: the project\'s, or ko_math_2022]')]


@data.command()
@reads_files
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of labeled problems [default: the project's]")] = None,
    pool: Annotated[Path | None, typer.Option(help="A file of problems without labels [default: the project's]")] = None,
    holdout: Annotated[Path | None, typer.Option(help="A file of labeled problems for evaluation [default: the project's]")] = None,
    taxonomy: TaxonomyFile = "",
    shape: Annotated[str, typer.Option("--as", help="Check the files as this shape of rows, e.g. openai-chat [default: detected]")] = "",
    label_key: LabelKey = "",
    language: Annotated[str, typer.Option(help="Expected language of the texts: ko, en, ja, or any [default: the project's, or ko]")] = "",
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
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Find faults, duplicates, leaks and personal data in problems, conversations, preferences. The exit code is 1 if there is an error."""
    from prefopt.data.checks import accepted as acceptances
    from prefopt.data.checks.check_files import Rules, check_data
    from prefopt.data.checks.findings_page import as_json as listed
    from prefopt.data.checks.findings_page import page

    project = open_project_here()
    own_files = project is not None and not files  # --pool and --holdout then take the place of the project's
    parts = parts_as(shape, parts_of(files or [], pool, holdout, reading))
    parts = project_parts(project, parts) if own_files or not parts else parts
    labels = taxonomy_of(taxonomy, project)
    rules = Rules(
        reasons=(project.config.prompt.reasoning_language or None) if project else None,
        language=one_of(language or (project.config.domain.language if project else "ko"), LANGUAGES, "--language", none="any"),
        holdout=project.config.data.holdout_share if project and own_files and not project.config.data.holdout_file else None,
        rounds=project.rounds_folder if project and own_files else None,
        label_key=label_key_of(label_key, project),
    )
    folder = model_folder(model, project)
    checked = check_data(parts, labels, rules, lengths_of(folder, project, labels))
    checked.label_word = label_word_of(project, taxonomy) or checked.label_word
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
@reads_files
def split(
    file: Path,
    out: Annotated[Path, typer.Option(help="Folder of the parts; an earlier split in it is kept and extended.")],
    shares: Annotated[str, typer.Option(help="Shares of train, validation and test, or of train and test.")] = "70/15/15",
    seed: int = 7,
    force: Force = False,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Split a file into stratified parts without leaks. Families and near-duplicates stay together, also when data is added later."""
    from prefopt.data.prepare.split_file import parse_shares, split_file

    counts = split_file(file, out, parse_shares(shares), seed, reading, force=force)
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        print(f"{name:<12} {len(count) if isinstance(count, list) else count:>8,}")


@data.command()
@reads_files
def convert(
    source: Path,
    target: Target,
    to: Annotated[
        str,
        typer.Option(
            help="problems, argilla, openai-chat, sharegpt, instruction, trl-messages, trl-prompt-completion; pairs, openai-preference, "
            "sharegpt-preference, instruction-preference, trl-preference; judged, trl-unpaired-preference"
        ),
    ],
    shape: Annotated[str | None, typer.Option("--from", help="Shape of the source [default: detected from its keys]")] = None,
    label_key: LabelKey = "",
    taxonomy: TaxonomyFile = "",
    bare: Annotated[
        bool, typer.Option("--bare", help="Omit metadata (id, family, weight), for programs that refuse unknown keys.")
    ] = False,
    hwp_equations: Annotated[
        bool, typer.Option("--hwp-equations", help="Write LaTeX for the equation script of HWP files: {1} over {3} becomes $\\frac{1}{3}$.")
    ] = False,
    force: Force = False,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Convert a file to another shape or kind. Stops at a row that does not fit."""
    from prefopt.cli.console import err
    from prefopt.data.formats.answers import AnswerForm
    from prefopt.data.formats.convert_file import ConversationSettings
    from prefopt.data.formats.convert_file import convert as run
    from prefopt.data.formats.equation_scripts import EquationScripts

    refuse_taken([target], sources=[source], force=force)
    project = open_project_here()
    labels = taxonomy_of(taxonomy, project)
    scripts = EquationScripts() if hwp_equations else None
    form = AnswerForm.of(label_key_of(label_key, project), labels)
    settings = ConversationSettings(
        prompt_of(project, labels).instructions, form.label_key, reading, metadata=not bare, answers=form, scripts=scripts
    )
    notes: list[str] = []
    count, known = run(source, target, to, settings, shape, notes.append)
    if as_json:
        facts = {"rows": count, "from": known, "to": to, "path": str(target), "notes": notes}
        print_json(facts if scripts is None else facts | {"equations changed": scripts.changed, "unknown words": dict(scripts.unknown)})
    else:
        print(f"{target}: {count:,} rows, {known} → {to}")
        _print_scripts(scripts)
    for note in notes:
        err.print(f"  {note}", markup=False)


def _print_scripts(scripts: EquationScripts | None) -> None:
    if scripts is None:
        return
    print(f"  {scripts.changed:>6,}  problems whose equation script is LaTeX now")
    for word, problems in scripts.unknown.most_common():
        what = "braces that do not match" if word in "{}" else f"the unknown word {word!r}"
        print(f"  {problems:>6,}  with {what}, left as it is (first: {scripts.places[word]})")


@data.command()
@reads_files
def mask(source: Path, target: Path, force: Force = False, reading: ReadOptions = AS_IT_IS, as_json: Json = False) -> None:
    """Write a copy with personal data masked: [전화번호], [이름] …"""
    from prefopt.data.prepare.mask_file import mask_file

    refuse_taken([target], sources=[source], force=force)
    report = mask_file(source, target, reading)
    if as_json:
        print_json(report)
        return
    print(f"{target}: {report['problems']:,} rows, {len(report['rows']):,} of them masked")
    for kind, count in sorted(report["masked"].items()):
        print(f"  {count:>6,}  {kind}")


@data.command()
@reads_files
def sft(
    source: Path,
    target: Target,
    form: Annotated[str, typer.Option("--to", help="messages (TRL, transformers), text (Harmony), or ids (with a mask).")] = "messages",
    effort: Annotated[str, typer.Option(help="Reasoning effort: low, medium, high [default: the project's, or medium]")] = "",
    language: Annotated[str, typer.Option(help="Language of the reasons: ko, en, ja, or any [default: the project's, or any]")] = "",
    refused: Annotated[Path | None, typer.Option(help="A JSONL file for refused problems, with line and reason.")] = None,
    taxonomy: TaxonomyFile = "",
    model: Annotated[str, typer.Option(help="Checkpoint whose tokenizer is used [default: the project's, or the tiny model]")] = "",
    force: Force = False,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Write labeled problems as Harmony examples for SFT. Reasons that do not support their label are refused."""
    from prefopt.data.prepare.sft_examples import FORMS, sft_file
    from prefopt.taxonomy import builtin_taxonomy

    refuse_taken([path for path in (target, refused) if path], sources=[source], force=force)
    project = open_project_here()
    changed: dict[str, str | None] = {}
    if effort:
        changed["effort"] = one_of(effort, ("low", "medium", "high"), "--effort")
    if language:
        changed["reasoning_language"] = one_of(language, ("ko", "en", "ja", "any"), "--language", none="any") or ""
    labels = taxonomy_of("" if taxonomy == "none" else taxonomy, project) or builtin_taxonomy()
    prompt = prompt_of(project, labels).model_copy(update=changed)
    renderer = lengths_of(model_folder(model, project), project, labels, prompt).renderer
    one_of(form, FORMS, "--to")
    made = sft_file(source, target, renderer, form, reading=reading, refused=refused)  # type: ignore[arg-type]  # as checked
    if as_json:
        facts = {"examples": made.written, "refused": dict(made.refused), "longest": made.longest}
        print_json(facts | {"effort": made.effort, "language": made.language or None, "path": str(target)})
        return
    print(f"{target}: {made.written:,} examples, effort {made.effort}, the longest has {made.longest:,} tokens")
    _print_refused(made.refused)


@data.command()
@reads_files
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
    force: Force = False,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Let a model write paraphrases or reasons. Texts that lose the numbers, the answer or the label are refused."""
    import os

    from prefopt.cli.console import bar
    from prefopt.data.prepare.augment_file import augment_file
    from prefopt.data.prepare.augment_requests import LANGUAGES, ORIGINS, Plan
    from prefopt.data.prepare.chat_client import ChatModel

    refuse_taken([path for path in (target, refused) if path], sources=[path for path in (source, answers) if path], force=force)
    one_of(kind, ORIGINS, "--kind")
    chosen = one_of(language or ("ko" if kind == "reason" else "en"), tuple(LANGUAGES), "--language") or ""
    plan = Plan(kind, variants, chosen, seed, temperature, at_once=at_once)  # type: ignore[arg-type]  # one of the three, as checked
    labels = taxonomy_of(taxonomy, open_project_here()) if kind == "reason" else None
    with bar("problems") as on_step:
        made = augment_file(
            source, target, ChatModel(url, model, os.environ.get(key_env, "")), plan,
            taxonomy=labels, answers=answers, refused=refused, reading=reading, on_step=on_step,
        )  # fmt: skip
    if as_json:
        print_json({"accepted": made.accepted, "refused": dict(made.refused), "not sent": made.not_sent, "path": str(target)})
        return
    print(f"{target}: {made.accepted:,} rows marked as {kind}")
    _print_refused(made.refused)
    if made.not_sent:
        shown = ", ".join(made.not_sent[:5]) + (" …" if len(made.not_sent) > 5 else "")
        print(f"  {len(made.not_sent):>6,}  problems with personal data were not sent: {shown}")
        print(f"          to send them without it: prefopt data mask {source} OUT")


def _print_refused(refused: Counter[str]) -> None:
    for why, count in refused.most_common():
        print(f"  {count:>6,}  refused: {why}")


data.command()(taxonomy)
data.command()(generate)
