"""The rules of docs/design.md that can drift: what is imported when, what the README says of the tree, which names are registered."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "argilla", "sklearn", "scipy", "numpy", "matplotlib", "pandas", "pyarrow")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "words", [["--help"], ["round", "--help"], ["argilla", "--help"], ["teachers", "--help"], ["data", "--help"], ["recipes", "list"]]
)
def test_the_command_line_imports_nothing_heavy(words):
    code = f"""
import sys
sys.argv = ["prefopt", *{words!r}]
from prefopt.cli.app import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("IMPORTED", sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    assert run(code).splitlines()[-1] == "IMPORTED []"


def test_importing_the_ports_imports_nothing_heavy():
    ports = "prefopt.protocols, prefopt.records, prefopt.config, prefopt.taxonomy"
    code = f"import {ports}, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert run(code).strip() == "[]"


def test_every_entry_point_is_there():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for group, names in declared.items():
        installed = {e.name: e for e in entry_points(group=group)}
        assert set(names) <= set(installed)
        for name in names:
            assert installed[name].load() is not None


def test_the_readme_lists_every_package_and_nothing_else():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed: list[str] = []
    for indent, name in re.findall(r"^ {4}( {2})?([a-z_0-9/]+/)\s{2,}\S", text, flags=re.MULTILINE):
        listed.append(f"prefopt/{name}" if indent else name)
    assert len(listed) == len(set(listed))
    packages = {f"{p.parent.relative_to(ROOT)}/" for top in ("prefopt", "recipes", "feedback") for p in (ROOT / top).rglob("__init__.py")}
    unlisted = {"prefopt/data/", "prefopt/curricula/generator/families/"}  # named by the folders inside them, by the folder above it
    assert {name for name in listed if not (ROOT / name).is_dir()} == set()
    assert packages - unlisted - set(listed) == set()


def test_no_pickle_and_no_remote_code():
    forbidden = {"pickle", "dill", "joblib", "cloudpickle"}
    for path in [*(ROOT / "prefopt").rglob("*.py"), *(ROOT / "recipes").rglob("*.py"), *(ROOT / "feedback").rglob("*.py")]:
        assert not forbidden & imported(path), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path


def test_the_bundled_server_stands_alone():
    ours = {"prefopt", "recipes", "feedback"}
    for path in (ROOT / "feedback" / "server").rglob("*.py"):
        assert not ours & imported(path), path
    for package in ours:
        for path in (ROOT / package).rglob("*.py"):
            assert not any(name.startswith("feedback.server") for name in imported(path, whole=True)), path


def imported(path: Path, *, whole: bool = False) -> set[str]:
    """Names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return names if whole else {n.split(".")[0] for n in names}


def test_every_ignore_has_its_reason():
    pattern = re.compile(r"#\s*(?:noqa|type: ignore)[^#\n]*")
    with_reason = re.compile(r"(?:noqa: [A-Z0-9, ]+|type: ignore\[[^\]]*\])\s*[#-]*\s*\S")
    for folder in ("prefopt", "recipes", "feedback", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if pattern.search(line) and path.name != "test_architecture.py":
                    assert with_reason.search(line), f"{path}:{number}: an ignore without its reason"


def test_text_of_the_repository_names_no_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt") and path.exists() and path.name != "test_architecture.py":
            assert not re.search(r"(?<![\w.])/(?:work|root|home/\w+)/", path.read_text(encoding="utf-8")), name
