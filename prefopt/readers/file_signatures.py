"""What a file is by its content, whatever its suffix says."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of a compound file (OLE): an old Office or HWP document, or one with a password."""
_HTML = re.compile(rb"<\s*(?:!doctype\s+html|html|head|meta|body|table|style)\b", re.I)


def signature(path: Path) -> tuple[str, str]:
    """("xlsx" | "xls" | "html" | "password" | "other" | "broken", what the file is, in words)."""
    with path.open("rb") as file:
        head = file.read(1 << 12)
        if head.startswith(COMPOUND):
            return _compound(head + file.read(1 << 23))
    if head[:2] == b"\x09\x08" or head[:4] in (b"\x09\x04\x06\x00", b"\x09\x02\x06\x00", b"\x09\x00\x04\x00"):
        return "xls", "an Excel workbook of an old version (.xls)"
    if head.startswith(b"PK"):
        return _zip(path)
    if head.startswith(b"%PDF"):
        return "other", "a PDF document"
    text = _text(head)
    if text is None or not text.strip():
        return "broken", "not a workbook: it is empty" if not head.strip(b"\0") else "not a workbook"
    if "urn:schemas-microsoft-com:office:spreadsheet" in text or "Excel.Sheet" in text:
        return "other", "a workbook as XML of Excel 2003"
    if _HTML.search(head):
        return "html", "a page of HTML"
    return "other", "a text file (CSV)"


def _compound(content: bytes) -> tuple[str, str]:
    """A compound file (OLE) by the names of its streams."""
    names = {
        "password": ("EncryptedPackage", "EncryptionInfo"),
        "hwp": ("FileHeader", "HwpSummaryInformation"),
        "xls": ("Workbook", "Book"),
        "doc": ("WordDocument",),
    }
    found = {kind for kind, streams in names.items() if any(f"{name}\0".encode("utf-16-le") in content for name in streams)}
    if "password" in found:
        return "password", "a workbook with a password"
    if "xls" in found:
        return "xls", "an Excel workbook of an old version (.xls)"
    if "hwp" in found:
        return "other", "an HWP document"
    return ("other", "a Word document") if "doc" in found else ("broken", "a compound file without a workbook")


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as packed:
            names = {name.replace("\\", "/").lstrip("/").lower() for name in packed.namelist()}
            kind = packed.open("mimetype").read(100).decode("latin-1") if "mimetype" in packed.namelist() else ""
    except Exception as error:  # zipfile raises anything for a broken archive: BadZipFile, zlib.error, struct.error, NotImplementedError …
        return "broken", f"not an Excel workbook (.xlsx): {error}"
    if "xl/workbook.bin" in names:
        return "other", "a binary workbook (.xlsb)"
    if "opendocument" in kind:
        return "other", "an OpenDocument file (.ods)"
    if "hwp" in kind:
        return "other", "an HWPX document"
    if "word/document.xml" in names:
        return "other", "a Word document"
    return "xlsx", "an Excel workbook (.xlsx)"


def _text(head: bytes) -> str | None:
    """The first characters of a text file; None where it is none."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    text = head.decode("utf-8", "replace") if b"\0" not in head else None
    return None if text is None or re.search(r"[\x01-\x08\x0e-\x1a]", text) else text
