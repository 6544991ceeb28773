"""What the commands of `prefopt data` share: files and settings of the project at hand, or of the options that are given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from prefopt.config import PromptSettings
    from prefopt.data.checks.check_types import Part
    from prefopt.data.checks.token_lengths import Lengths
    from prefopt.project.project import Project
    from prefopt.taxonomy import Taxonomy


def project_taxonomy(project: Project | None) -> Path:
    if project is None:
        raise ProjectError("no file is given and there is no project here", hint="prefopt data taxonomy FILE")
    return project.root / project.config.data.taxonomy


def open_project_here() -> Project | None:
    """The project here or above, if there is one."""
    from prefopt.project.project import open_project

    try:
        return open_project()
    except ProjectError:
        return None


def taxonomy_of(given: str, project: Project | None) -> Taxonomy | None:
    from prefopt.taxonomy import builtin_taxonomy, read_taxonomy

    if given == "none":
        return None
    if given:
        return read_taxonomy(Path(given))
    return read_taxonomy(project.root / project.config.data.taxonomy) if project else builtin_taxonomy()


def parts_of(files: list[Path], pool: Path | None, holdout: Path | None, columns: str, ignore: str) -> list[Part]:
    from prefopt.data.checks.check_types import Part
    from prefopt.data.formats.problem_rows import parse_columns

    names, ignored = parse_columns(columns), frozenset(filter(None, (c.strip() for c in ignore.split(","))))
    parts = [Part(f, "gold", True, names, ignored) for f in files]
    parts += [Part(pool, "pool", False, names, ignored)] if pool else []
    return [*parts, *([Part(holdout, "holdout", True, names, ignored)] if holdout else [])]


def project_parts(project: Project | None) -> list[Part]:
    from prefopt.data.checks.check_types import Part

    if project is None:
        raise ProjectError("no files are given and there is no project here", hint="prefopt data check FILE")
    settings = project.config.data
    parts = [Part(project.root / settings.gold, "gold", True), Part(project.root / settings.pool, "pool", False)]
    return [*parts, *([Part(project.root / settings.holdout_file, "holdout", True)] if settings.holdout_file else [])]


def model_folder(given: str, project: Project | None) -> Path:
    from prefopt.model.tiny import checkpoint_path

    name = given or (project.config.model.path if project else "tiny")
    return checkpoint_path() if name == "tiny" else (Path(name) if given or not project else project.root / name)


def lengths_of(folder: Path, project: Project | None, taxonomy: Taxonomy | None, prompt: PromptSettings | None = None) -> Lengths:
    from prefopt.config import ProjectConfig
    from prefopt.data.checks.token_lengths import open_lengths
    from prefopt.taxonomy import builtin_taxonomy

    config = project.config if project else ProjectConfig()
    return open_lengths(folder, prompt or config.prompt, config.answer, taxonomy or builtin_taxonomy())


def cost_of(
    facts: dict[str, Any], folder: Path, project: Project | None, hourly: float | None, per_million: float | None
) -> dict[str, Any]:
    from prefopt.config import AdapterSettings
    from prefopt.data.checks.training_cost import Run, estimate, model_size

    options = project.config.recipes.get("sft", {}) if project else {}
    epochs, batch = float(options.get("epochs", 2.0)), int(options.get("batch_size", 4)) * int(options.get("accumulate", 4))
    tokens, labeled, problems = facts["tokens"], facts["labeled"], max(facts["problems"], 1)
    renderings = 1 + 2 * facts["with reason"] / max(labeled, 1)  # answer; and reason and explain where there is a reason
    run = Run(round(labeled * renderings), epochs, batch, round(tokens["prompts"] * labeled / problems * renderings + tokens["answers"]))
    adapter = project.config.adapter if project else AdapterSettings()
    return estimate(run, model_size(folder, adapter), hourly=hourly, per_million=per_million)


def one_of(given: str, known: tuple[str, ...], option: str, none: str = "") -> str | None:
    if given not in known:
        raise ConfigError(f"{option} {given!r}: not one of {', '.join(known)}", hint=f"{option} {known[0]}")
    return None if given == none else given


def print_json(value: Any) -> None:
    from prefopt.cli.console import print_json

    print_json(value)
