"""The bundled server's environment is made whole or made again, and failures carry pip's own words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from feedback import environment
from feedback.environment import OWN_PYTHON, REQUIREMENTS, environment_folder, server_python
from prefopt.errors import FeedbackError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(OWN_PYTHON, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def with_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pins: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(pins)
    monkeypatch.setattr(environment, "REQUIREMENTS", requirements)


def test_every_package_is_pinned_and_has_hashes() -> None:
    pins = [line for line in REQUIREMENTS.with_suffix(".in").read_text().splitlines() if not line.startswith("#")]
    assert "argilla-server==2.8.0" in pins
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    locked = re.findall(r"^([\w.-]+==[^ ]+)[^\n]* \\\n    --hash=sha256:", REQUIREMENTS.read_text(), re.MULTILINE)
    assert {line.lower().replace("_", "-") for line in locked} == {line.lower().replace("_", "-") for line in pins}, "make lock"


def test_what_is_not_used_is_not_installed() -> None:
    """Clients of other search engines, of the hub and of login by other sites; pip and setuptools, which only made the environment."""
    unused = {"elasticsearch8", "opensearchpy", "social_core", "oauthlib", "huggingface_hub", "aiohttp", "requests", "urllib3", "ecdsa"}
    ask = "from importlib.util import find_spec; import sys; print([name for name in sys.argv[1:] if find_spec(name)])"
    command = [server_python(), "-c", ask, *unused, "pip", "setuptools"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_folder_follows_the_pins(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = environment_folder()
    with_pins(data, monkeypatch, "other==1\n")
    assert environment_folder() != first
    assert data in first.parents


def test_an_environment_is_made_once_and_one_that_broke_off_is_made_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pins(data, monkeypatch, "# no packages: the making itself is tested\n")
    lines: list[str] = []
    python = server_python(lines.append)
    assert python.exists()
    assert lines
    lines.clear()
    assert server_python(lines.append) == python
    assert lines == []
    (environment_folder() / "complete").unlink()  # as after a kill
    (environment_folder() / "rubbish").touch()
    assert server_python(lines.append) == python
    assert lines
    assert not (environment_folder() / "rubbish").exists()


def test_an_error_of_pip_is_reported(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pins(data, monkeypatch, "./no-such-folder-here\n")
    with pytest.raises(FeedbackError, match="no-such-folder-here") as error:
        server_python()
    assert OWN_PYTHON in error.value.hint
    assert not (environment_folder() / "complete").exists()


@pytest.mark.parametrize("python", ["/no/such/python", sys.executable])
def test_an_own_interpreter_without_the_server_is_refused(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_PYTHON, python)
    with pytest.raises(FeedbackError, match=OWN_PYTHON):
        server_python()
