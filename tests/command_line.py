"""The command line in this process, for tests that need no new interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prefopt.cli.app import main


class CommandLine:
    """Run `prefopt` in a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self.errors = ""
        """What the last command printed to stderr."""

    def __call__(self, *words: str, code: int | None = 0, folder: Path | None = None) -> str:
        """What a command prints to stdout, or to stderr where stdout is empty; its exit code must be `code`, unless that is None."""
        self._monkeypatch.chdir(folder or self.folder)
        self._monkeypatch.setattr(sys, "argv", ["prefopt", *words])
        ended = 0
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        printed = self._capsys.readouterr()
        self.errors = printed.err
        assert code is None or ended == code, printed.out + printed.err
        return printed.out or printed.err
