"""The parts of an Office Open XML workbook (ECMA-376): a zip of XML parts that relations connect. Document types (DTD) are refused."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from prefopt.readers.workbook_cells import RichText, is_on, is_symbols

CHUNK = 1 << 16
_MAX_TREE = 1 << 26  # bytes of a part that is held in memory as a whole: relations, styles, the list of sheets
_MAX_TEXT = 1_000_000  # characters of a text that many cells may share; a cell of Excel has 32,767
_LOCAL_DATES = dict.fromkeys([*range(27, 37), *range(50, 59)], "yyyy-mm-dd") | {32: "h:mm", 33: "h:mm:ss"}
"""Number formats of Korean, Japanese and Chinese Excel that a file names by their index alone: all are dates or times."""


class UnsafeXmlError(ValueError):
    """A document type, which can make a small file as large as it likes."""


class _Locals(dict[str, str]):
    """Name of an element -> the same without its namespace."""

    def __missing__(self, name: str) -> str:
        self[name] = name.rpartition("}")[2]
        return self[name]


LOCAL = _Locals()


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        raise UnsafeXmlError("it has a document type (DTD)")


def _refuse(*_: object) -> None:
    raise UnsafeXmlError("it has a document type (DTD)")


def parse(
    stream: IO[bytes], start: Callable[[str, dict[str, str]], None], end: Callable[[str], None] | None, text: Callable[[str], None] | None
) -> Iterator[None]:
    """Parse a part piece by piece; yields after each piece."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    if text is not None:
        parser.CharacterDataHandler = text
    while chunk := stream.read(CHUNK):
        parser.Parse(chunk)
        yield
    parser.Parse(b"", True)
    yield


class Relation(NamedTuple):
    """What a part refers to: the last word of the relation's type, and the part."""

    type: str
    part: str


@dataclass(frozen=True)
class SheetEntry:
    """A sheet as workbook.xml lists it."""

    name: str
    is_hidden: bool
    part: str


@dataclass(frozen=True)
class Style:
    """Formatting of cells that changes what they say."""

    code: str
    """Number format."""
    look: str
    """What the font does to a text: "struck out", "font of symbols", or nothing."""


class Package:
    """A workbook's parts. Raises KeyError, ValueError, zipfile.BadZipFile, zlib.error … for what is broken."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._names = {name.replace("\\", "/").lstrip("/").lower(): name for name in self._zip.namelist()}

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    @property
    def unpacked(self) -> int:
        """Bytes of all parts."""
        return sum(part.file_size for part in self._zip.infolist())

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._names

    def open(self, part: str) -> IO[bytes]:
        """A part as a stream."""
        return self._zip.open(self._names[part.lower()])

    def tree(self, part: str) -> ElementTree.Element:
        """A part as a tree whose tags and attributes have no namespaces."""
        if (size := self._zip.getinfo(self._names[part.lower()]).file_size) > _MAX_TREE:
            raise ValueError(f"its {part} unpacks to {size >> 20} MiB; the limit is {_MAX_TREE >> 20} MiB")
        with self.open(part) as stream:
            root = ElementTree.parse(stream, ElementTree.XMLParser(target=_Builder())).getroot()  # noqa: S314  _Builder refuses document types
        for element in root.iter():
            element.tag = LOCAL[element.tag]
            for name in [name for name in element.attrib if "}" in name]:
                element.attrib.setdefault(LOCAL[name], element.attrib[name])
        return root

    def relations(self, part: str) -> dict[str, Relation]:
        """Relations of a part inside the package, by id; of "" those of the whole package."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        if listed not in self:
            return {}
        return {
            found.get("Id", ""): Relation(
                found.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, found.get("Target", ""))).lstrip("/"),
            )
            for found in self.tree(listed)
            if found.get("TargetMode") != "External"
        }


def _look(font: ElementTree.Element) -> str:
    """See Style.look."""
    if any(is_on(strike.get("val")) for strike in font.iter("strike")):
        return "struck out"
    return "font of symbols" if any(is_symbols(name.get("val", "")) for name in font.iter("name")) else ""


class Workbook:
    """Sheets, texts and styles of a workbook."""

    def __init__(self, package: Package) -> None:
        self.package = package
        main = [found.part for found in package.relations("").values() if found.type == "officeDocument"]
        self._part = main[0] if main and main[0] in package else "xl/workbook.xml"
        self._relations = package.relations(self._part)
        root = package.tree(self._part)
        settings = next(root.iter("workbookPr"), None)
        self.counts_from_1904 = settings is not None and is_on(settings.get("date1904", "0"))
        self.sheets = [
            SheetEntry(found.get("name", ""), found.get("state", "visible") != "visible", self._relations[found.get("id", "")].part)
            for found in root.iter("sheet")
            if found.get("id", "") in self._relations and self._relations[found.get("id", "")].type == "worksheet"
        ]

    def _of_type(self, kind: str) -> str | None:
        return next((found.part for found in self._relations.values() if found.type == kind and found.part in self.package), None)

    def styles(self) -> dict[str, Style]:
        """Index of a cell's format -> its number format and font, for those that change what a cell says."""
        part = self._of_type("styles")
        if part is None:
            return {}
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        root = self.package.tree(part)
        codes = dict(BUILTIN_FORMATS) | _LOCAL_DATES | {int(f.get("numFmtId", 0)): f.get("formatCode", "") for f in root.iter("numFmt")}
        looks = [_look(font) for font in root.findall("fonts/font")]
        styles: dict[str, Style] = {}
        for index, found in enumerate(root.findall("cellXfs/xf")):
            code, font = codes.get(int(found.get("numFmtId", 0)), "General"), int(found.get("fontId", 0))
            look = looks[font] if 0 <= font < len(looks) else ""
            if look or code not in ("General", "@", "0", "0.00"):
                styles[str(index)] = Style(code, look)
        return styles

    def texts(self) -> list[Any]:
        """The shared texts of all sheets: a text, or an Odd."""
        part = self._of_type("sharedStrings")
        if part is None:
            return []
        texts: list[Any] = []
        current = RichText()

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal current
            tag = LOCAL[name]
            if tag == "si":
                current = RichText()
            else:
                current.start(tag, attributes)

        def end(name: str) -> None:
            tag = LOCAL[name]
            if tag == "si":
                texts.append(current.take())
                if isinstance(texts[-1], str) and len(texts[-1]) > _MAX_TEXT:
                    raise ValueError(f"a text has {len(texts[-1]):,} characters; the limit is {_MAX_TEXT:,}")
            else:
                current.end(tag)

        with self.package.open(part) as stream:
            for _ in parse(stream, start, end, lambda data: current.text(data)):
                pass
        return texts
