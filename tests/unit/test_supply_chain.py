"""tools/sbom.py and tools/audit.py: hashes find their component, no path of a machine gets through, and no answer is not a clean bill."""

from __future__ import annotations

import json
import subprocess

import pytest

from tools import audit, sbom

LOCK = """\
# a comment
httpx==0.28.1 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
uvloop==0.23.0 ; sys_platform != 'win32' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)


def test_hashes_of_a_lock_file():
    assert sbom.hashes_of(LOCK) == {("httpx", "0.28.1"): ["a" * 64, "b" * 64], ("uvloop", "0.23.0"): ["b" * 64]}


def test_components_get_the_hashes_of_their_version_and_lose_their_paths():
    torch = {"name": "Torch", "version": "2.13.0+cpu", "externalReferences": [{"type": "distribution", "url": "file:///srv/torch.whl"}]}
    bom = {"components": [torch, {"name": "prefopt", "version": "0.1.0", "externalReferences": [{"type": "vcs", "url": "file:///srv/x"}]}]}
    assert sbom.with_hashes(bom, {("torch", "2.13.0"): ["a" * 64]}) == ["prefopt 0.1.0"]
    sbom.without_paths(bom)
    assert [each["hashes"] for each in torch["externalReferences"]] == [[{"alg": "SHA-256", "content": "a" * 64}]]
    assert "externalReferences" not in bom["components"][1]
    assert "file:" not in json.dumps(bom)


@pytest.mark.parametrize("path", ["home/kim/prefopt", "root/.venv/bin/python", "var/lib/x"])
def test_a_path_of_the_machine_is_found(path):
    assert sbom.PATH.search(f'in "/{path}"')
    assert sbom.PATH.search("file:///x")


@pytest.mark.parametrize("text", ["https://github.com/home/x", "https://example.org/tmp/a", "see docs/usr/x"])
def test_an_address_is_no_path(text):
    assert not sbom.PATH.search(text)


def answering(monkeypatch: pytest.MonkeyPatch, packages: list[dict] | None) -> None:
    out = "" if packages is None else json.dumps({"dependencies": packages})
    done = subprocess.CompletedProcess([], 0, out, "ConnectionError: no such host")
    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: done)


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 packages compared, 0 of them with advisories"),
        ([{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}], audit.FOUND, "a 1: CVE-1 (fixed in 2)"),
        ([{"name": "a", "skip_reason": "not found on PyPI"}], audit.UNKNOWN, "0 packages compared"),
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "no"}], audit.UNKNOWN, "no answer for b"),
        (None, audit.UNKNOWN, "no base of advisories could be asked"),
    ],
)
def test_what_was_not_answered_is_not_well(monkeypatch, capsys, packages, code, says):
    answering(monkeypatch, packages)
    assert audit.main() == code
    printed = capsys.readouterr()
    assert says in printed.out + printed.err
