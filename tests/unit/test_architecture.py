"""The rules of docs/design.md that can drift: what is imported when, what the README says of the tree, which names are registered."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.requirements import missing

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
    assert set(declared) == {"prefopt.recipes", "prefopt.feedback", "prefopt.commands"}
    for group, names in declared.items():
        installed = {e.name: e for e in entry_points(group=group)}
        assert set(names) <= set(installed)
        for name in names:
            assert installed[name].load() is not None


def folders_of(readme: str) -> list[str]:
    """Paths of the folders that the tree in the README names, in its order: two columns of indent are one folder deeper."""
    named: list[str] = []
    top = ""
    for indent, name in re.findall(r"^ {4}( {2})?([a-z_0-9/]+/)\s{2,}\S", readme, flags=re.MULTILINE):
        top = top if indent else name
        named.append(f"{top}{name}" if indent else name)
    return named


def tree_faults(readme: str, folders: set[str], unlisted: set[str]) -> list[str]:
    """How the tree in the README differs from `folders`, of which those in `unlisted` need no line of their own."""
    named = folders_of(readme)
    return [
        *(f"{name} is listed twice" for name in sorted({name for name in named if named.count(name) > 1})),
        *(f"{name} is listed and does not exist" for name in sorted(set(named) - folders)),
        *(f"{name} exists and is not listed" for name in sorted(folders - unlisted - set(named))),
    ]


def repository_folders() -> set[str]:
    """The top folders, and every folder of the three packages that holds Python files."""
    tops = {f"{Path(name).parts[0]}/" for name in tracked() if len(Path(name).parts) > 1}
    packages = ("prefopt/", "recipes/", "feedback/")
    inner = {f"{Path(name).parent}/" for name in tracked() if name.startswith(packages) and name.endswith(".py")}
    return {name for name in tops | inner if not name.startswith(".")}


def test_the_readme_lists_every_package_and_nothing_else():
    named_by_others = {"prefopt/data/", "prefopt/curricula/generator/families/"}  # by the folders inside them, by the folder above it
    assert tree_faults((ROOT / "README.md").read_text(encoding="utf-8"), repository_folders(), named_by_others) == []


TREE = """
    prefopt/          the loop
      model/          tensors
      model/tiny/     a checkpoint
    recipes/          how to train
"""


@pytest.mark.parametrize(
    ("line", "instead", "unlisted", "unknown"),
    [
        ("", "", [], []),
        ("      model/          tensors\n", "", ["prefopt/model/"], []),
        ("    recipes/          how to train\n", "", ["recipes/"], []),
        ("model/tiny/ ", "model/small/", ["prefopt/model/tiny/"], ["prefopt/model/small/"]),
        ("    recipes/  ", "      recipes/", ["recipes/"], ["prefopt/recipes/"]),
        (TREE, "no tree", ["prefopt/", "prefopt/model/", "prefopt/model/tiny/", "recipes/"], []),
    ],
)
def test_a_tree_that_differs_from_the_folders_is_noticed(line, instead, unlisted, unknown):
    folders = {"prefopt/", "prefopt/model/", "prefopt/model/tiny/", "prefopt/unnamed/", "recipes/"}
    expected = [f"{name} is listed and does not exist" for name in unknown] + [f"{name} exists and is not listed" for name in unlisted]
    assert tree_faults(TREE.replace(line, instead), folders, {"prefopt/unnamed/"}) == expected


def test_a_folder_that_the_tree_lists_twice_is_noticed():
    folders = {"prefopt/", "prefopt/model/", "prefopt/model/tiny/", "recipes/"}
    twice = TREE.replace("    recipes/", "      model/     again\n    recipes/")
    assert tree_faults(twice, folders, set()) == ["prefopt/model/ is listed twice"]


def test_no_pickle_and_no_remote_code():
    forbidden = {"pickle", "dill", "joblib", "cloudpickle"}
    for path in [*(ROOT / "prefopt").rglob("*.py"), *(ROOT / "recipes").rglob("*.py"), *(ROOT / "feedback").rglob("*.py")]:
        assert not forbidden & imported(path), path
        for node in nodes(path):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path


def test_the_bundled_server_stands_alone():
    ours = {"prefopt", "recipes", "feedback"}
    scripts = list((ROOT / "feedback" / "server").rglob("*.py"))
    assert scripts
    for path in scripts:
        assert not ours & imported(path), path
    for package in ours:
        for path in (ROOT / package).rglob("*.py"):
            from_server = {name for name in imported(path, whole=True) if name.startswith("feedback.server")}
            assert from_server <= {"feedback.server", "feedback.server.digests"}, path
    shared = imported(ROOT / "feedback" / "server" / "digests.py")  # read by both interpreters, so it needs no package of either
    assert shared <= sys.stdlib_module_names


def imported(path: Path, *, whole: bool = False) -> set[str]:
    """Names of the modules that a file imports."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return names if whole else {n.split(".")[0] for n in names}


MARK = re.compile(r"#\s*(?:noqa(?::\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*\b)?|type:\s*ignore(?:\[[^\]]*\])?|pragma:\s*no cover)")


def ignores_without_reason(source: str) -> list[int]:
    """Numbers of the lines on which a linter is silenced and no word says why. Strings are not comments."""
    lines: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and MARK.search(token.string) and not re.search(r"[^\W\d_]{2}", MARK.sub("", token.string)):
            lines.append(token.start[0])
    return lines


def test_every_ignore_has_its_reason():
    sources = [name for name in tracked() if name.endswith(".py")]
    found = {name: ignores_without_reason((ROOT / name).read_text(encoding="utf-8")) for name in sources}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert sum(bool(MARK.search((ROOT / name).read_text(encoding="utf-8"))) for name in sources) > 10, "the pattern finds no ignores"


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S307",
        "#noqa:S307",
        "# noqa: S307, E402",
        "# noqa: E402 F401",
        "# noqa: S307 -",
        "# noqa: S307  # ",
        "# type: ignore",
        "# type: ignore[arg-type]",
        "# type: ignore[arg-type, misc]  #",
        "# type: ignore[arg-type]  # noqa: S307",
        "# pragma: no cover",
    ],
)
def test_an_ignore_without_a_reason_is_noticed(comment):
    assert ignores_without_reason(f"x = 1\ny = 2  {comment}\n") == [2]


@pytest.mark.parametrize(
    "line",
    [
        "y = 2  # noqa: S307 - our own expression",
        "y = 2  # noqa: E402, F401  as above; registers the engine",
        "y = 2  # type: ignore[misc]  # TRL has no types",
        "y = 2  # type: ignore[arg-type]  # noqa: S307  # both as above",
        "y = '# noqa: S307'",
        "y = 2  # plain words",
    ],
)
def test_an_ignore_with_its_reason_passes(line):
    assert ignores_without_reason(f"{line}\n") == []


FOLDERS = ("work", "root", r"home/\w+", r"tmp/\w+")  # where somebody's checkout may be
MACHINE = re.compile(rf"(?<![\w.*/-])/(?:{'|'.join(FOLDERS)})(?![\w-])")


def test_text_of_the_repository_names_no_machine():
    texts = {}
    for name in tracked():
        with contextlib.suppress(UnicodeDecodeError):  # pictures and weights
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
    assert len(texts) > 100
    del texts[Path(__file__).relative_to(ROOT).as_posix()]  # its planted cases
    assert sorted(name for name, text in texts.items() if MACHINE.search(text)) == []


@pytest.mark.parametrize("folder", ["work", "root", "home/kim", "tmp/x"])
@pytest.mark.parametrize("text", ["see /{}/main", "cd /{}", "`/{}/x`", "(/{}/a)", "path=/{}"])
def test_a_path_of_one_machine_is_noticed(text, folder):
    assert MACHINE.search(text.format(folder))


@pytest.mark.parametrize("text", ["/workspaces/3", "homework/1", "https://a.example/root/x", "/home/", "./work/x"])
def test_other_words_with_slashes_are_no_path_of_a_machine(text):
    assert not MACHINE.search(text)


def test_make_test_runs_every_folder_with_tests():
    (listed,) = re.findall(r"^FOLDERS = (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed.split()) == sorted({path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")})


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@functools.cache
def tracked() -> tuple[str, ...]:
    """Files of the repository, as git lists them. Without git there is nothing to compare with: a failure where CI is set."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        missing(f"git lists no files here: {listed.stderr}")
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).exists())
