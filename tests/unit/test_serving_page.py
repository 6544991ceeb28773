"""docs/serving.md and the dashboard beside it: what they name is there, and their settings are safe as they stand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from prefopt.serve.metrics import Metrics
from tests.unit.test_serve_records import answer

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "serving.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def series() -> dict[str, set[str]]:
    """Every series that /metrics has once there were requests, with the labels that tell its lines apart."""
    found = Metrics()
    found.count([answer(1)])
    found.requests.labels("/v1/classify", "200").inc()
    found.seconds.labels("/v1/classify").observe(0.1)
    found.corrections.labels("confirmed").inc()
    found.audits.labels("right").inc()
    found.drift_e.labels("confidence").set(1)
    found.drift_alarm.labels("confidence").set(0)
    lines = re.findall(r"^(\w+)(?:\{(.*)\})? ", found.text().decode(), flags=re.MULTILINE)
    return {name: set(re.findall(r'(\w+)="', labels)) for name, labels in lines}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_panel_asks_for_what_is_there(expression: str, series: dict[str, set[str]]) -> None:
    names = re.findall(r"prefopt_\w+", expression)
    assert names
    for name in names:
        assert name in series
        for label in re.findall(r"(\w+)=\"", expression) + re.findall(r"by \(([\w, ]+)\)", expression.replace(", ", ",")):
            assert set(label.split(",")) <= set().union(*(series[name] for name in names))


def test_the_page_names_series_that_are_there(series: dict[str, set[str]]) -> None:
    named = set(re.findall(r"`(prefopt_\w+)", PAGE))
    assert len(named) >= 5
    assert named <= series.keys()


def test_the_dashboard_can_be_imported() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${DS}"}
    taken = [
        {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])} for g in (p["gridPos"] for p in panels)
    ]
    assert sum(map(len, taken)) == len(set().union(*taken))  # no two lie on each other


def block(first: str) -> str:
    """The indented block that begins with a line."""
    found = re.search(rf"^    {re.escape(first)}\n(?:(?:    .*)?\n)+", PAGE, flags=re.MULTILINE)
    assert found is not None
    return re.sub(r"^    ", "", found[0], flags=re.MULTILINE)


def test_a_proxy_says_for_whom_it_asks() -> None:
    """nginx calls what it forwards to by its own address otherwise, and without a key everybody would be answered."""
    assert "proxy_set_header Host $host;" in block("server {")


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "prefopt.service"
    unit.write_text(re.sub(r"/srv/venv/bin/prefopt", "/bin/true", block("[Unit]")), encoding="utf-8")
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_program_that_sends_a_filled_table_is_whole() -> None:
    compile(block("import csv, os, httpx"), "serving.md", "exec")
