"""JSON and TOML that we rely on: what would be taken in silence, or end in a traceback, is refused with the file's name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from prefopt.errors import ConfigError, DataError, ProjectError
from prefopt.io.jsonl import read_rows
from prefopt.io.stage_folders import read_manifest
from prefopt.io.strict import StrictError, json_object, read_json_object, toml_values
from prefopt.project.audit import read_audit
from prefopt.project.holdout import read_record
from prefopt.project.resolve import load_config
from prefopt.records import Problem
from tests.expressions import ROOT, growth, modules

HOSTILE = {
    "a key twice": ('{"a": 1, "a": 2}', "'a' occurs twice"),
    "a key twice inside": ('{"a": {"b": 1, "b": 1}}', "'b' occurs twice"),
    "NaN": ('{"a": NaN}', "NaN is not"),
    "Infinity": ('{"a": [-Infinity]}', "Infinity is not"),
    "5,000 digits": ('{"a": ' + "1" * 5000 + "}", "digits"),
    "nested": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "open": ('{"a": ' + "[" * 100_000, "nested too deeply"),
    "cut": ('{"a": 1', "not JSON"),
    "a list": ("[1]", "not a JSON object"),
    "no JSON": ("", "not JSON"),
}


@pytest.mark.parametrize(("text", "words"), HOSTILE.values(), ids=HOSTILE)
def test_refuses_in_words(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(StrictError, match=words):
        json_object(text)
    file = tmp_path / "x.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as refused:
        read_json_object(file, hint="restore the file")
    assert str(file) in str(refused.value)
    (tmp_path / "gold.jsonl").write_text('{"id": "a", "text": "1 + 1"}\n' + text.replace("\n", " ") + "\n", encoding="utf-8")
    if text:
        with pytest.raises(DataError, match=r"gold\.jsonl:2: "):
            read_rows(tmp_path / "gold.jsonl", Problem)
    for name, read in (("stage.json", read_manifest), ("holdout.json", read_record), ("audit.json", read_audit)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(ProjectError, match=name.split(".")[0]):
            read(tmp_path)


def test_bytes_that_are_no_text_are_refused() -> None:
    for read in (json_object, toml_values):
        with pytest.raises(StrictError, match="UTF-8"):
            read(b'{"a": "\xff"}')


@pytest.mark.parametrize(
    "text",
    ["a = " + "1" * 5000, "a = " + "[" * 100_000, "a = 1\na = 2", "[a]\n[a]", "a = \x00", "a" + ".a" * 2_000 + " = 1"],
    ids=range(6),
)
def test_settings_are_refused_in_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "prefopt.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"prefopt\.toml"):
        load_config(tmp_path / "prefopt.toml")


def test_equal_keys_are_found_in_linear_time() -> None:
    def refuse(text: str) -> None:
        with pytest.raises(StrictError):
            json_object(text)

    assert growth(refuse, lambda n: "{" + ",".join(f'"{i}":1' for i in range(n // 6)) + ',"0":1,"0":2}') < 3


EXEMPT = {
    "prefopt/io/jsonl_reader.py": "the reader itself",
    "prefopt/io/strict.py": "as above",
    "prefopt/io/hashing.py": "a cache, which is computed again",
    "prefopt/project/families.py": "as above",
    "prefopt/model/file_facts.py": "as above",
    "prefopt/training/launch.py": "what our own worker wrote a moment ago",
    "prefopt/training/tune.py": "as above",
    "prefopt/cli/demo_table.py": "as above",
    "prefopt/model/bounded.py": "what our own fork wrote a moment ago",
    "prefopt/io/openai_server.py": "replies of a server, whose values are checked where they are used",
    "prefopt/io/locks.py": "names the process that holds a lock, where it can",
    "prefopt/rounds/format1.py": "files of an earlier version, which is asked before they are changed",
    "prefopt/rounds/migrate.py": "as above",
    "prefopt/readers/arrow_reader.py": "catches what json raises",
    "prefopt/readers/exports.py": "a text that is JSON only perhaps",
    "prefopt/readers/problem_rows.py": "as above",
    "prefopt/data/formats/shapes.py": "as above",
    "prefopt/calibration/posteriors.py": "the labels of a table whose digest is known",
    "prefopt/model/harmony_parse.py": "a model's answer, with a rule for equal keys of its own",
    "prefopt/model/identity_parts.py": "of a value, not of a file",
    "prefopt/model/tensor_digests.py": "a header that safetensors has read",
    "prefopt/model/merge.py": "the configuration of a model that has been loaded",
    "prefopt/model/checkpoint.py": "as above",
    "prefopt/data/checks/training_cost.py": "as above",
    "feedback/": "files of the server, checked where they are read",
}


def test_json_is_read_by_the_strict_reader() -> None:
    for _, path in modules():
        name = str(path.relative_to(ROOT))
        calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)}
        if calls & {"json.loads", "json.load", "tomllib.loads", "tomllib.load"}:
            assert name.startswith(tuple(EXEMPT)), f"{name}: use prefopt.io.strict, or say here why not"
