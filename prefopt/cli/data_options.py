"""What the commands of `prefopt data` share: files and settings from options or from the project in the working directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefopt.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from prefopt.config import PromptSettings
    from prefopt.data.checks.check_types import Part, Role
    from prefopt.data.checks.token_lengths import Lengths
    from prefopt.project.project import Project
    from prefopt.readers.options import ReadOptions
    from prefopt.taxonomy import Taxonomy


Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
"""Of every command that writes files whose names are given."""


def open_project_here() -> Project | None:
    """The project of the working directory or a folder above it, if any."""
    from prefopt.project.project import open_project

    try:
        return open_project()
    except ProjectError:
        return None


def taxonomy_of(given: str, project: Project | None) -> Taxonomy | None:
    """The taxonomy of --taxonomy (a file, or the name of a built-in one), of the project, or the built-in one; None for "none"."""
    from prefopt.taxonomy import builtin_taxonomy, open_taxonomy

    if given == "none":
        return None
    if given:
        return open_taxonomy(given)
    return of_project(project) if project else builtin_taxonomy()


def of_project(project: Project | None) -> Taxonomy:
    """The project's taxonomy. Raises ProjectError where there is no project."""
    from prefopt.taxonomy import read_taxonomy

    if project is None:
        raise ProjectError("no file is given and no project is here", hint="prefopt data taxonomy FILE")
    return read_taxonomy(project.root / project.config.data.taxonomy, project.config.read.options())


def parts_of(files: list[Path], pool: Path | None, holdout: Path | None, reading: ReadOptions) -> list[Part]:
    """The files of the command line with their roles."""
    from prefopt.data.checks.check_types import Part

    parts = [Part(f, "gold", True, reading) for f in files]
    parts += [Part(pool, "pool", False, reading)] if pool else []
    return [*parts, *([Part(holdout, "holdout", True, reading)] if holdout else [])]


def parts_as(shape: str, parts: list[Part]) -> list[Part]:
    """The files with the shape of --as, where it is given. Raises ConfigError for an unknown one, or without files of the command line."""
    from prefopt.data.formats.shapes import SHAPES

    if not shape:
        return parts
    if not parts:
        raise ConfigError(f"--as {shape} without a file", hint=f"prefopt data check FILE --as {shape}")
    one_of(shape, SHAPES, "--as")
    return [replace(part, shape=shape) for part in parts]


def label_key_of(given: str, project: Project | None) -> str:
    """The key of the label in answers: of --label-key, or the project's."""
    from prefopt.config import AnswerSettings

    return given or (project.config.answer if project else AnswerSettings()).label_key


def project_parts(project: Project | None, instead: list[Part]) -> list[Part]:
    """The files of the project with their roles, those in `instead` in place of the project's of that role.

    Raises:
        ProjectError: there is no project.
    """
    from prefopt.data.checks.check_types import Part

    if project is None:
        raise ProjectError("no files are given and no project is here", hint="prefopt data check FILE")
    settings = project.config.data
    given = {part.role for part in instead}
    known: tuple[tuple[str, Role], ...] = (
        (settings.gold, "gold"),
        (settings.pool, "pool"),
        (settings.holdout_file, "holdout"),
        (project.config.feedback.gold_file, "questions"),
        (settings.audit, "audit"),
    )
    reading = project.config.read.options()
    own = [Part(project.root / name, role, role != "pool", reading) for name, role in known if name and role not in given]
    return sorted([*own, *instead], key=lambda part: [role for _, role in known].index(part.role))


def accepted_file(given: Path | None, project: Project | None, parts: list[Part], writes: bool) -> Path:
    """The file of accepted findings: that of --accepted, the project's, or one next to the first file.

    Raises:
        ConfigError: the file of --accepted does not exist, and nothing is accepted that would create it.
    """
    from prefopt.data.checks.accepted import NAME

    if given is not None and not writes and not given.exists():
        raise ConfigError(f"--accepted {given}: no such file", hint="leave --accepted out, or create the file with --accept ID")
    if given is not None:
        return given
    return project.root / "data" / NAME if project is not None else parts[0].path.parent / NAME


def model_folder(given: str, project: Project | None) -> Path:
    """Folder of the checkpoint of --model, of the project, or of the tiny model; of one on the Hub, without its weights."""
    from prefopt.model.hub import hub_model, small_files
    from prefopt.model.tiny import checkpoint_path

    name = given or (project.config.model.path if project else "tiny")
    if name == "tiny":
        return checkpoint_path()
    folder = Path(name) if given or not project else project.root / name
    model = None if folder.is_dir() else hub_model(name)
    return folder if model is None else small_files(model)


def prompt_of(project: Project | None, taxonomy: Taxonomy | None) -> PromptSettings:
    """The project's settings of the prompt; without a project, instructions in words that fit the taxonomy."""
    from prefopt.config import PromptSettings
    from prefopt.domain import instructions_of, question_of
    from prefopt.project.words import domain_of

    if project is not None:
        return project.config.prompt
    domain = None if taxonomy is None else domain_of(taxonomy)
    if domain is None or domain.is_default:
        return PromptSettings()
    return PromptSettings(instructions=instructions_of(domain), question=question_of(domain))


def label_word_of(project: Project | None, given: str) -> str | None:
    """What the project calls a label in Korean; None without a project or [domain], and for the taxonomy of an option."""
    domain = project.config.domain if project is not None and not given else None
    return domain.label if domain is not None and domain.language == "ko" and not domain.is_default else None


def lengths_of(folder: Path, project: Project | None, taxonomy: Taxonomy | None, prompt: PromptSettings | None = None) -> Lengths:
    """Count tokens with a checkpoint's tokenizer and the project's settings of prompt and answer."""
    from prefopt.config import ProjectConfig
    from prefopt.data.checks.token_lengths import open_lengths
    from prefopt.taxonomy import builtin_taxonomy

    config = project.config if project else ProjectConfig()
    return open_lengths(folder, prompt or prompt_of(project, taxonomy), config.answer, taxonomy or builtin_taxonomy())


def cost_of(
    counts: dict[str, Any], folder: Path, project: Project | None, hourly: float | None, per_million: float | None
) -> dict[str, Any]:
    """Estimated cost of an SFT run over the checked problems; prices where a tariff is given."""
    from prefopt import plugins
    from prefopt.config import AdapterSettings
    from prefopt.data.checks.training_cost import Run, estimate, model_size

    recipe = plugins.find_recipe("sft")
    options: Any = plugins.options(recipe.Config, project.config.recipes.get("sft", {}) if project else {}, "prefopt.toml [recipes.sft]")
    epochs, batch = options.num_train_epochs, options.batch_size * options.gradient_accumulation_steps
    tokens, labeled, problems = counts["tokens"], counts["labeled"], max(counts["problems"], 1)
    renderings = 1 + 2 * counts["with reason"] / max(labeled, 1)  # the answer, and two more with the reason where there is one
    run = Run(round(labeled * renderings), epochs, batch, round(tokens["prompts"] * labeled / problems * renderings + tokens["answers"]))
    adapter = project.config.adapter if project else AdapterSettings()
    return estimate(run, model_size(folder, adapter), hourly=hourly, per_million=per_million)


def one_of(given: str, known: tuple[str, ...], option: str, none: str = "") -> str | None:
    """The value of an option, or None where it is `none`. Raises ConfigError for a value outside `known`."""
    if given not in known:
        raise ConfigError(f"{option} {given!r}: not one of {', '.join(known)}", hint=f"{option} {known[0]}")
    return None if given == none else given


def print_json(value: Any) -> None:
    from prefopt.cli.console import print_json

    print_json(value)
