"""What would stop a stage later and can be seen now: the model's files, its server, labels that it cannot write, the pool, the source."""

from __future__ import annotations

import json
import os
from itertools import islice
from typing import Any

from prefopt import plugins
from prefopt.config import ModelSettings
from prefopt.errors import ConfigError, DataError, ModelError, PrefoptError
from prefopt.io.addresses import server_addresses
from prefopt.io.row import Row
from prefopt.project.project import CONFIG, Project, ProjectData
from prefopt.protocols import ChecksItself
from prefopt.readers.column_names import PROBLEM_COLUMNS
from prefopt.readers.row_columns import Columns
from prefopt.readers.row_reader import scan
from prefopt.rounds.teachers import context_of
from prefopt.taxonomy import COLUMNS as TAXONOMY_COLUMNS

SHOWN = 3
"""Labels that a message names."""
FIRST_ROWS = 200
"""Rows of a file whose columns are looked at."""


def refuse_small_pool(project: Project, fit: int) -> None:
    """Raise ConfigError where the first round would ask about fewer problems than it is set to.

    Args:
        project: before its first round; later ones take what is left.
        fit: problems of the pool that can be asked.
    """
    wanted = project.config.sample.slates
    if fit and fit < wanted and not any(rnd.number for rnd in project.rounds()):
        raise ConfigError(
            f"{project.root / CONFIG}: sample.slates is {wanted}, and {fit} problems of {project.config.data.pool} can be asked",
            hint=f"set slates = {fit} under [sample], or add problems to the pool",
        )


def refuse_unusable_model(project: Project, data: ProjectData, used: ModelSettings) -> None:
    """Check what can be known of the model without loading it.

    Args:
        project: its settings of prompt and answer count.
        data: its labels are to be written.
        used: [model], with the commit of a model on the Hub.

    Raises:
        ModelError: the folder, its weights or its tokenizer are missing or broken; the server does not answer; a label does not come back
            from the tokenizer as it is, or as another one.
    """
    from pathlib import Path

    from prefopt.model.checkpoint import open_checkpoint  # not without need: they take a moment to import
    from prefopt.model.hub import cached, hub_model, resolve
    from prefopt.model.hub_errors import no_such_folder
    from prefopt.model.tiny import checkpoint_path

    model = hub_model(used.path)
    if model is not None:
        folder = cached(resolve(model).model)
    else:
        folder = checkpoint_path() if used.path == "tiny" else Path(used.path).expanduser()
        if not folder.is_dir():
            raise no_such_folder(used.path)
    for address in server_addresses(used.server, "model.server") if used.server else ():
        _refuse_silent(address)
    if folder is None:  # not downloaded yet
        return
    open_checkpoint(folder)
    _refuse_unwritable(project, data, folder)


def _refuse_silent(address: str) -> None:
    from prefopt.io.openai_server import OpenAiServer
    from prefopt.model.servers import KEY_VARIABLE, SERVER_HINTS

    OpenAiServer(address, SERVER_HINTS, tries=1, key=os.environ.get(KEY_VARIABLE, "")).ask("GET", "/v1/models")


def _refuse_unwritable(project: Project, data: ProjectData, folder: Any) -> None:
    from prefopt.data.checks.token_lengths import open_lengths

    config = project.config
    renderer = open_lengths(folder, config.prompt, config.answer, data.taxonomy).renderer
    written: dict[tuple[int, ...], str] = {}
    lost = []
    for label in data.taxonomy.ids:
        ids = renderer.label_ids(label)
        if renderer.tokenizer.decode(ids) != json.dumps(label, ensure_ascii=False)[1:-1]:
            lost.append(label)
        other = written.setdefault(tuple(ids), label)
        if other != label and not lost:
            raise ModelError(
                f"the labels {other!r} and {label!r} have the same tokens, so {config.model.path} cannot tell them apart",
                hint=f"give one of them another code in {data.taxonomy.source}",
            )
    if lost:
        named = ", ".join(map(repr, lost[:SHOWN])) + (f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else "")
        raise ModelError(
            f"the tokenizer of {config.model.path} cannot write {len(lost)} labels: {named}",
            hint=f"give them codes of other characters in {data.taxonomy.source}, or use another model",
        )


def refuse_absent_columns(project: Project) -> None:
    """Raise ConfigError for a column of [read] that none of the project's files has."""
    data, options = project.config.data, project.config.read.options()
    asked = dict.fromkeys((*options.columns, *(name for _, name in options.join), *options.ignored))
    named = (data.gold, data.pool, data.holdout_file, data.audit, project.config.feedback.gold_file)
    met: set[str] = set()
    seen: dict[str, None] = {}
    for name in (data.taxonomy, *filter(None, named)) if asked else ():
        columns = Columns(options, PROBLEM_COLUMNS if name != data.taxonomy else TAXONOMY_COLUMNS)
        for row in islice(scan(project.root / name, options), FIRST_ROWS):
            if isinstance(row, Row):
                columns.plan(tuple(map(str, row.values)))
                seen |= dict.fromkeys(map(str, row.values))
        met |= columns.met
    if absent := [name for name in asked if name not in met]:
        raise ConfigError(
            f"{project.root / CONFIG}: [read] names a column {absent[0]!r}, and no file of the project has it; they have {', '.join(seen)}",
            hint="correct the name, or remove it there",
        )


def feedback_state(project: Project, data: ProjectData) -> str:
    """What stands in the way of publishing now; empty where nothing does, or the source does not say."""
    settings = project.config.feedback
    source = plugins.find_source(settings.source, project.root)
    context = context_of(project.root, project.config, data.taxonomy, f"{project.config.project.name}-001")
    opened = source(plugins.options(source.Config, settings.options, f"{project.root / CONFIG} [feedback.options]"), context)
    if not isinstance(opened, ChecksItself):
        return ""
    try:
        opened.check()
    except PrefoptError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return ""


def refuse_no_gold(project: Project, data: ProjectData, needed: int) -> None:
    """Raise DataError where a project has no labeled problem yet."""
    if not data.train and not data.holdout:
        path = project.root / project.config.data.gold
        raise DataError(
            "there are no labeled problems yet",
            path=path,
            hint=f'write one to a line, e.g. {{"id": "g1", "text": "…", "label": "{data.taxonomy.ids[0]}"}}, or set data.gold to a table '
            f"(.csv, .xlsx) with the columns id, text and label; {needed} of them are held out",
        )
