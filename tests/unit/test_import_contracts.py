"""The import contracts of pyproject.toml: each holds, and each breaks when an import that it forbids is added to the graph."""

from __future__ import annotations

import copy
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract

ROOT = Path(__file__).resolve().parents[2]
KINDS: dict[str, type[Contract]] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}
CONFIGURATION = read_configuration(str(ROOT / "pyproject.toml"))
OPTIONS = {options["name"]: options for options in CONFIGURATION["contracts_options"]}
TOPS = tuple(CONFIGURATION["session_options"]["root_packages"])

LAYERS = "Rooms depend downward only"
CIRCLES = "No circles between the modules and packages of one room"
PLANTED = [
    ("The loop knows no training method and no annotation tool by name", "prefopt.rounds", "recipes.dpo"),
    ("The loop knows no training method and no annotation tool by name", "prefopt.records", "feedback.argilla"),
    ("Recipes and feedback sources never import each other", "recipes.dpo", "feedback.argilla"),
    ("Recipes and feedback sources never import each other", "feedback.file", "recipes"),
    (LAYERS, "prefopt.records", "prefopt.config"),
    (LAYERS, "prefopt.model", "prefopt.rounds"),
    (LAYERS, "prefopt.report", "prefopt.deploy"),
    (LAYERS, "prefopt.new_room", "prefopt.records"),
    ("Plug-ins do not reach into the rooms above the ports", "recipes.dpo", "prefopt.rounds"),
    ("Plug-ins do not reach into the rooms above the ports", "feedback.file", "prefopt.data.formats"),
    ("Plug-ins do not reach into the rooms above the ports", "prefopt.model", "prefopt.rankings"),  # which recipes import
    ("torch and its friends are imported only under prefopt.model and recipes", "prefopt.calibration", "torch"),
    ("torch and its friends are imported only under prefopt.model and recipes", "feedback.file", "transformers"),
    ("argilla is imported only under feedback", "prefopt.rounds", "argilla"),
    ("argilla is imported only under feedback", "recipes.sft", "argilla"),
]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Every import of the three packages, those inside functions and those for types included."""
    return grimp.build_graph(*TOPS, include_external_packages=True, cache_dir=None)


def holds(name: str, imports: grimp.ImportGraph) -> bool:
    """Whether the contract of that name holds. A check may change the graph, so it has a copy."""
    contract = KINDS[OPTIONS[name]["type"]](name, CONFIGURATION["session_options"], OPTIONS[name])
    return contract.check(copy.deepcopy(imports), verbose=False).kept


def planted(imports: grimp.ImportGraph, *arrows: tuple[str, str]) -> grimp.ImportGraph:
    graph = copy.deepcopy(imports)
    for importer, imported in arrows:
        graph.add_import(importer=importer, imported=imported)
    return graph


@pytest.mark.parametrize("name", OPTIONS)
def test_the_contract_holds(imports, name):
    assert holds(name, imports)


@pytest.mark.parametrize(("name", "importer", "imported"), PLANTED)
def test_an_import_that_the_contract_forbids_breaks_it(imports, name, importer, imported):
    assert importer == "prefopt.new_room" or importer in imports.modules
    assert not holds(name, planted(imports, (importer, imported)))


def test_every_contract_is_shown_to_break():
    assert {name for name, _, _ in PLANTED} | {CIRCLES} == set(OPTIONS)


def test_a_circle_between_siblings_breaks_the_contract_in_every_package_at_every_depth(imports):
    packages = {name: sorted(imports.find_children(name)) for name in imports.modules if name.split(".")[0] in TOPS}
    packages = {name: children for name, children in packages.items() if len(children) > 1}
    assert max(name.count(".") for name in packages) >= 3, "the deepest package is prefopt.curricula.generator.families"
    unseen = []
    for name, (first, *_, last) in packages.items():
        deepest = max((module for module in imports.modules if f"{module}.".startswith(f"{last}.")), key=lambda module: module.count("."))
        if holds(CIRCLES, planted(imports, (first, last), (deepest, first))):
            unseen.append(name)
    assert unseen == []


def module_circle(imports: grimp.ImportGraph) -> list[str]:
    """A circle of modules, or nothing. Packages count as their __init__ alone, which acyclic_siblings never compares with its children."""
    ours = {name for name in imports.modules if name.split(".")[0] in TOPS}
    try:
        TopologicalSorter({name: imports.find_modules_directly_imported_by(name) & ours for name in ours}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_package_imports_a_module_that_imports_the_package(imports):
    assert module_circle(imports) == []
    assert module_circle(planted(imports, ("prefopt.calibration.metrics", "prefopt.calibration")))


def test_at_most_five_exceptions_have_names():
    assert sum(len(options.get("ignore_imports", [])) for options in OPTIONS.values()) <= 5
