"""Both feedback sources; the Argilla is a real one, started once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feedback import bundled
from feedback.client import ArgillaClient, find_server, sign_in
from prefopt.records import content_id
from tests.contract.desks import ArgillaDesk, Desk, FileDesk

pytest.register_assert_rewrite("tests.contract.engine_cases")


@pytest.fixture(scope="session")
def argilla_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a real Argilla server of its own on a free port, and the teachers kim and lee."""
    project = tmp_path_factory.mktemp("argilla")
    home = bundled.default_home(project)
    bundled.start(home, port=0)
    try:
        url, key = find_server(project)
        owner = ArgillaClient(url, key=key)
        workspace = owner.ensure_workspace("prefopt")
        for name in ("kim", "lee"):
            owner.add_teacher(name, name, workspace, "teacher-pass-1")
        yield project
    finally:
        bundled.stop(home)


@pytest.fixture(scope="session")
def teachers(argilla_project: Path) -> dict[str, ArgillaClient]:
    url, _ = find_server(argilla_project)
    return {name: sign_in(url, name, "teacher-pass-1") for name in ("kim", "lee")}


@pytest.fixture
def argilla_desk(argilla_project: Path, teachers: dict[str, ArgillaClient], request: pytest.FixtureRequest) -> ArgillaDesk:
    return ArgillaDesk(argilla_project, f"t-{content_id(request.node.nodeid)}", teachers)


@pytest.fixture(params=["file", "argilla"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """Every source in turn."""
    if request.param == "argilla":
        found: Desk = request.getfixturevalue("argilla_desk")
        return found
    return FileDesk(tmp_path, "mathclass-001")
