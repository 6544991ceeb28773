"""The pages of the documentation: links lead somewhere, lines are not too long, and every page is in the navigation of the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import recipes

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
WIDTH = 160


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def link_faults(page: Path) -> list[str]:
    """Relative links of a page that lead to no file or to no heading."""
    faults = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.is_file():
            faults.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            faults.append(f"{link}: no such heading")
    return faults


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    assert link_faults(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading\n\n[a](#a-heading) [b](#b) [c](other.md) [d](https://example.org)\n", encoding="utf-8")
    assert link_faults(page) == ["#b: no such heading", "other.md: no such file"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_outside_tables_have_at_most_160_characters(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > WIDTH and not line.lstrip().startswith("|")] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_begins_with_its_title(page: Path) -> None:
    assert re.match(r"# \S|--8<-- ", page.read_text(encoding="utf-8"))


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    class Loader(yaml.SafeLoader):
        """Without the tags that mkdocs alone knows."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda *_: None)
    site = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506  # a safe loader

    def listed(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in listed(part)]

    assert sorted(listed(site["nav"])) == sorted(str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md"))


def test_the_reference_lists_the_public_modules_of_recipes() -> None:
    page = (ROOT / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
    assert re.findall(r"^::: recipes\.(\w+)$", page, flags=re.MULTILINE) == recipes.__all__


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_of_the_repository_that_a_page_names_exist(page: Path) -> None:
    if page.name in ("LOG.md", "CHANGELOG.md"):
        return  # history: paths of their time
    named = re.findall(
        r"(?<![\w/.-])((?:prefopt|recipes|feedback|tests|benchmarks|tools|docs)/[\w./-]*\w)", page.read_text(encoding="utf-8")
    )
    assert [path for path in named if "NAME" not in path and "/mathclass-" not in path and not (ROOT / path).exists()] == []
