"""prefopt adapter: import | show. Arguments and output only; each command imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prefopt.plugins import Json

adapter = typer.Typer(help="Import an adapter of stock PEFT, or show one.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder with adapter_config.json and adapter_model.safetensors.")]
Model = Annotated[str, typer.Option(help="Base model.", show_default="model.path of the project")]


@adapter.command("import")
def adapter_import(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option(help="Directory to create; nothing else is done.", show_default="round 000 of the project")
    ] = None,
    model: Model = "",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare its logits with those of stock PEFT.")] = True,
    as_json: Json = False,
) -> None:
    """Import a LoRA adapter that stock PEFT saved, so that rounds continue it.

    In a project it becomes the adapter of round 000; `prefopt sft` then evaluates it.
    """
    from prefopt.cli import console
    from prefopt.errors import ConfigError

    if out is None:
        if model:
            raise ConfigError("--model works only with --out: a project has its own model", hint="set model.path in prefopt.toml")
        _into_project(folder, verify, as_json)
        return
    from prefopt.model.adapter_card import adapter_id, adapter_toml
    from prefopt.model.adapter_import import import_adapter

    settings = _settings(model, folder)
    done = import_adapter(settings, folder, out, verify=verify)
    if as_json:
        found = done.card.model_dump(mode="json")
        console.print_json({"out": str(done.path), "id": adapter_id(done.path), "card": found, "notes": list(done.notes)})
        return
    console.out.print(f"{done.path}: {_compared(done.card)}", markup=False)
    console.out.print("\n".join([*done.notes, "", "For prefopt.toml:", "", adapter_toml(done.card)]), markup=False)


def _into_project(folder: Path, verify: bool, as_json: bool) -> None:
    from prefopt.cli import console
    from prefopt.model.adapter_card import read_card
    from prefopt.model.adapter_import import read_stock_adapter
    from prefopt.project.project import open_project
    from prefopt.rounds.artifacts import ADAPTER
    from prefopt.rounds.importing import import_base
    from prefopt.rounds.reading import locate

    project = open_project()
    with console.stage_bars() as watch:
        done = import_base(project, folder, verify=verify, watch=watch)
    path = locate(done.round, ADAPTER)
    notes = [
        *read_stock_adapter(project.config.model, folder).notes,
        "the report of round 000 is honest only if the adapter was not trained on held-out problems: see rounds/holdout.json",
    ]
    if as_json:
        console.print_json({"round": 0, "adapter": str(path), "card": read_card(path).model_dump(mode="json"), "notes": notes})
        return
    console.print_stage(done)
    console.out.print("\n".join([*notes, "next: prefopt sft"]), markup=False)


@adapter.command("show")
def adapter_show(folder: Folder, model: Model = "", as_json: Json = False) -> None:
    """Show an adapter: its card, its base, and the layers that it adapts.

    Works for adapters of prefopt and of stock PEFT; no weights are loaded.
    """
    from prefopt.cli import console
    from prefopt.model.adapter_summary import summary

    found = summary(_settings(model, folder), folder)
    if as_json:
        console.print_json(found)
        return
    for name, value in found.items():
        if name != "coverage" and value not in (None, {}):
            console.out.print(f"{name:<22} {value}", markup=False)


def _settings(model: str, folder: Path) -> Any:
    """Settings of the base: as named, those of the project, or the base that the adapter names where it is a folder of this machine."""
    from prefopt.config import ModelSettings
    from prefopt.errors import ConfigError, ProjectError
    from prefopt.model.peft_config import named_base
    from prefopt.project.project import open_project

    try:
        settings = open_project().config.model
    except ProjectError:  # outside a project
        settings = None
    if model:
        return (settings or ModelSettings()).model_copy(update={"path": model})
    if settings is not None:
        return settings
    named = named_base(folder)
    if not named:
        raise ConfigError(f"{folder} does not name a base model on this machine", hint="name it: --model PATH")
    return ModelSettings(path=named)


def _compared(card: Any) -> str:
    if card.parity is None:
        return "not compared with stock PEFT"
    return f"logits differ from stock PEFT's by {card.parity.max_difference:.1e} ({card.parity.positions} positions)"
