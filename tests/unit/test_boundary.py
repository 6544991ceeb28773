"""Where a command ends: every exception in words, the stack with --debug alone, exit codes, JSON, Ctrl-C, closed pipes, plug-ins."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer

from prefopt import plugins
from prefopt.cli import boundary, console
from prefopt.config import ProjectConfig
from prefopt.errors import ConfigError, InternalError, PluginError, PrefoptError, ProjectError, TrainingError
from prefopt.faults import as_prefopt_error
from prefopt.io.disk import naming
from prefopt.io.files import replacing
from prefopt.io.system_faults import in_words, is_out_of_memory
from prefopt.plugins import find_recipe
from prefopt.project.resolve import load_config
from prefopt.rounds.stages.train import _base_of


def ended(error: BaseException, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that raises `error`."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail(as_json: bool = typer.Option(False, "--json")) -> None:
        raise error

    code = boundary.run(app, words)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(autouse=True)
def no_debug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(boundary.DEBUG, "")
    monkeypatch.setattr(plugins, "_loaded", {})  # of other tests in this process
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_an_error_in_words_has_no_stack(capsys):
    assert ended(ProjectError("it failed", hint="do this"), capsys) == (1, "", "✗ it failed\n  → do this\n")


def test_an_unknown_exception_says_so_in_two_lines_and_keeps_its_stack_for_its_owner(capsys, tmp_path):
    code, out, err = ended(ZeroDivisionError("division by zero"), capsys)
    assert (code, out, err.count("\n")) == (1, "", 2)
    assert "✗ a fault of prefopt itself: ZeroDivisionError: division by zero; its stack is in " in err
    (saved,) = tmp_path.glob("prefopt-*.txt")
    assert "raise error" in saved.read_text(encoding="utf-8")
    assert saved.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("words", [("--debug",), ("--debug", "--json")])
def test_debug_shows_the_stack(capsys, words):
    code, _, err = ended(ProjectError("it failed"), capsys, *words)
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "✗ it failed" in err


def test_debug_may_stand_anywhere_before_a_double_dash(monkeypatch):
    assert boundary._without_debug(["round", "--debug", "status"]) == ["round", "status"]
    assert os.environ[boundary.DEBUG] == "1"
    monkeypatch.setenv(boundary.DEBUG, "")
    assert boundary._without_debug(["sft", "--", "--debug"]) == ["sft", "--", "--debug"]
    assert os.environ[boundary.DEBUG] == ""


def test_with_json_the_error_is_an_object_unless_one_was_printed(capsys):
    _, out, err = ended(ProjectError("it failed", hint="do this"), capsys, "--json")
    assert json.loads(out) == {"error": "it failed", "hint": "do this"}
    assert err == "✗ it failed\n  → do this\n"
    app = typer.Typer()

    @app.command()
    def half(as_json: bool = typer.Option(False, "--json")) -> None:
        console.print_json({"fits": False})
        raise ProjectError("it failed")

    assert boundary.run(app, ["--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"fits": False}


def test_with_json_wrong_usage_and_an_interruption_are_objects_too(capsys):
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    def half(number: int = 1, as_json: bool = typer.Option(False, "--json")) -> None:
        raise KeyboardInterrupt

    assert boundary.run(app, ["--json", "--nmber", "3"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["error"].startswith("No such option: --nmber")
    assert found["hint"] == "prefopt --help"
    assert boundary.run(app, ["--json", "--number", "x"]) == 2
    assert "Invalid value for '--number'" in json.loads(capsys.readouterr().out)["error"]
    assert boundary.run(app, ["--json"]) == 130
    assert json.loads(capsys.readouterr().out) == {"error": "interrupted", "hint": ""}


def test_an_interrupted_command_that_can_be_resumed_says_so(capsys):
    assert boundary._interrupted(["sft"]) == boundary._interrupted(["-C", "x", "round", "--collect-now"]) == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on where it stopped\n" * 2


def test_exit_codes_are_kept(capsys):
    assert ended(typer.Exit(3), capsys)[0] == 3
    assert ended(SystemExit("a word"), capsys)[0] == 1
    assert ended(SystemExit(None), capsys)[0] == 0
    assert ended(KeyboardInterrupt(), capsys) == (130, "", "interrupted\n")
    assert ended(BrokenPipeError(), capsys)[::2] == (1, "")


def test_a_character_that_the_terminal_lacks_is_no_error(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    app = typer.Typer()
    app.command()(lambda: print("가\udcff"))
    assert boundary.run(app, []) == 0
    assert stream.buffer.getvalue() == b"\\uac00\\udcff\n"  # type: ignore[attr-defined]  # a BytesIO


def prefopt(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "prefopt", *words], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]  # of subprocess.run


def test_closed_and_full_outputs_are_no_traceback(tmp_path):
    with Path("/dev/full").open("w") as full:
        found = subprocess.run([sys.executable, "-m", "prefopt", "recipes", "list"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert found.returncode == 1
    assert found.stderr.decode() == "✗ no space is left on the disk\n  → free some space, then type the command again\n"
    read, write = os.pipe()
    os.close(read)
    pipe = subprocess.run([sys.executable, "-m", "prefopt", "recipes", "list"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert pipe.stderr == b""
    nowhere = prefopt("recipes", "list", preexec_fn=lambda: os.close(1))
    assert "Traceback" not in nowhere.stderr


def test_a_directory_that_is_gone_is_said(tmp_path):
    (tmp_path / "gone").mkdir()
    script = f"import os; os.chdir({str(tmp_path / 'gone')!r}); os.rmdir('../gone'); from prefopt.cli.app import main; main()"
    found = subprocess.run([sys.executable, "-c", script, "check"], capture_output=True, text=True, check=False)
    assert found.stderr == "✗ the working directory no longer exists\n  → go to a directory that exists: cd\n"


def test_ctrl_c_ends_with_130_in_one_line(tmp_path):
    taken = "import prefopt.cli.app as a, os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell's & ignores it
    script = f"{taken}; a.app.command('wait')(lambda: os.kill(os.getpid(), signal.SIGINT)); a.main()"
    found = subprocess.run([sys.executable, "-c", script, "wait"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (130, "interrupted\n")


def test_ctrl_c_while_the_command_line_is_imported_is_one_line(tmp_path):
    """The signal comes at the first import of typer, and of pydantic, long before a command runs."""
    script = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = [sys.argv[1], *sys.argv[2:]]
from prefopt.__main__ import main
first, sys.argv = sys.argv[1], ["prefopt", *sys.argv[2:]]
Interrupt.find_spec = lambda self, name, path=None, target=None: os.kill(os.getpid(), signal.SIGINT) if name == first else None
main()
"""
    for module in ("typer", "prefopt.cli.app", "prefopt.cli.rounds", "rich.console", "prefopt.project.project"):
        found = subprocess.run([sys.executable, "-c", script, module, "round", "list"], capture_output=True, text=True, check=False)
        assert found.returncode == 130, module
        assert found.stderr.startswith("interrupted")
        assert found.stderr.count("\n") == 1, found.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "this command needs more memory than there is: MemoryError"),
        (RuntimeError("unable to mmap 8 bytes from file <a>: Cannot allocate memory (12)"), "needs more memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "needs more memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "needs more memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "needs more memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "needs more memory"),
        (RuntimeError("can't start new thread"), "the system allows no more threads"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply to be read"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: no space is left on the disk"),
        (OSError(errno.EROFS, "x", "/a/.b.0123abcd-1f-0123abcd.tmp"), "/a/b: the file system is read-only"),
        (OSError(errno.ENAMETOOLONG, "x", "/a"), "/a: the name is too long"),
        (NotADirectoryError(errno.ENOTDIR, "x", "/a"), "/a: a part of the path is a file, not a directory"),
        (OSError(errno.EMFILE, "x"), "too many files are open"),
        (OSError(errno.EIO, "x", "/a"), "/a: the disk reports an error"),
        (OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"), "no space is left on the disk"),
        (RuntimeError("[enforce fail at inline_container.cc] PytorchStreamWriter failed writing file data/0"), "no space is left"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "no space is left"),
        (ValueError("Exceeds the limit (4300 digits) for integer string conversion"), "a number has thousands of digits"),
        (ValueError("embedded null byte"), "a path has a null character"),
        (httpx.ConnectError("refused", request=httpx.Request("GET", "http://a/b")), "http://a/b: no connection: refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset by peer"), "no connection"),
        (TimeoutError("timed out"), "no connection: timed out"),
    ],
)
def test_every_kind_of_fault_has_words(error, said):
    found = in_words(error)
    assert found is not None
    assert said in found.message
    assert found.hint


def raised(run) -> Exception:
    try:
        run()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_files_are_named_where_the_exception_names_none(tmp_path):
    """By the file that pathlib, or else our own innermost function, worked on."""
    settings = tmp_path / "prefopt.toml"
    settings.write_text("[project]\nseed = " + "9" * 5000)
    assert as_prefopt_error(raised(lambda: load_config(settings))).message == f"{settings}: a number has thousands of digits"
    settings.write_bytes(b"\xff")
    assert as_prefopt_error(raised(lambda: settings.read_text(encoding="utf-8"))).message == f"{settings}: not UTF-8 (byte 0)"
    (tmp_path / "prefopt.json").write_text("{")
    found = as_prefopt_error(raised(lambda: _base_of(tmp_path)))
    assert found.message.startswith(f"{tmp_path / 'prefopt.json'}: not JSON: Expecting property name")


def test_a_refused_write_names_the_target_and_not_its_temporary_file(tmp_path):
    with pytest.raises(OSError, match="No space") as caught, replacing(tmp_path / "a.csv") as temporary:
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary / "inner"))
    assert caught.value.filename == str(tmp_path / "a.csv")
    with pytest.raises(OSError, match="No space") as caught, naming(tmp_path / "b"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")
    assert caught.value.filename == str(tmp_path / "b")
    with pytest.raises(FileNotFoundError) as other, replacing(tmp_path / "a.csv"):
        (tmp_path / "source").read_text()
    assert other.value.filename == str(tmp_path / "source")


def test_a_database_is_named_by_what_is_wrong(tmp_path):
    (tmp_path / "a.db").write_bytes(b"no database" * 100)
    found = in_words(raised(lambda: sqlite3.connect(tmp_path / "a.db").execute("select * from a")))
    assert "cannot be used: file is not a database" in found.message
    assert found.hint == "restore it from a backup"


def test_other_runtime_errors_are_not_out_of_memory():
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    assert in_words(RuntimeError("shapes differ")) is None


RECIPE = """
from pydantic import BaseModel

class Recipe:
    name, needs = "mine", "pairs"

    class Config(BaseModel):
        pass

    def extra_inputs(self, config):
        return frozenset()

    def train(self, job, config):
        {train}

recipe = Recipe()
"""


def test_a_plug_in_that_fails_is_named_with_file_and_line(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(RECIPE.format(train="return {}['rows']"))
    recipe = find_recipe("mine.py", tmp_path)
    found = as_prefopt_error(raised(lambda: recipe.train(None, None)))
    assert isinstance(found, PluginError)
    assert found.message == f"recipe 'mine.py' failed at {path}:14: KeyError: 'rows'"
    assert found.hint == "correct the plug-in; --debug shows the whole stack"


def test_a_full_disk_is_not_the_plug_ins_fault(tmp_path):
    (tmp_path / "mine.py").write_text(RECIPE.format(train="raise OSError(28, 'No space left on device', '/a')"))
    recipe = find_recipe("mine.py", tmp_path)
    assert as_prefopt_error(raised(lambda: recipe.train(None, None))).message == "/a: no space is left on the disk"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "mine.py:1: invalid syntax"),
        ("\nx = undefined\n", "mine.py:2: NameError: name 'undefined' is not defined"),
        ("import nothing_of_this_name\n", "No module named 'nothing_of_this_name'"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        ("raise RuntimeError('no')\n", "RuntimeError: no"),
    ],
)
def test_a_plug_in_that_cannot_be_imported_is_named(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError) as caught:
        find_recipe("mine.py", tmp_path)
    assert "mine.py cannot be imported" in caught.value.message
    assert said in caught.value.message


def test_an_unknown_exception_names_the_plug_ins_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", {"x": "feedback source 'x'"})
    found = as_prefopt_error(raised(lambda: 1 / 0))
    assert isinstance(found, InternalError)
    assert ", or of feedback source 'x'" in found.message


def test_what_a_worker_process_raises_reaches_its_parent_in_words(tmp_path, monkeypatch):
    from prefopt.training.launch import _STARTED, FOLDER, _raise_reported, work

    (tmp_path / FOLDER).mkdir()

    def prepare(on_step):
        raise OSError(errno.ENOSPC, "No space left on device", "/a/b")

    with (tmp_path / FOLDER / _STARTED).open("w") as started:
        fcntl.flock(started, fcntl.LOCK_EX)
        monkeypatch.setattr("prefopt.training.launch._end_with_starter", lambda lock: None)  # it would end this process when the lock goes
        assert work(prepare, tmp_path) == 1
    with pytest.raises(PrefoptError, match="/a/b: no space is left on the disk") as caught:
        _raise_reported(tmp_path / FOLDER, 1)
    assert "in prepare" in caught.value.__notes__[0]
    assert not isinstance(caught.value, TrainingError)


@pytest.mark.parametrize(
    "text",
    ["[project]\nseed = -1\n", "[adapter]\nrank = 9999999999\n", "[adapter]\nalpha = 9999999999999\n", '[data]\ngold = "a\\u0000b"\n'],
)
def test_a_value_that_a_later_stage_would_stumble_over_is_refused(tmp_path, text):
    (tmp_path / "prefopt.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"prefopt\.toml:2: "):
        load_config(tmp_path / "prefopt.toml")


def test_the_default_settings_stand():
    assert ProjectConfig().adapter.rank == 16
