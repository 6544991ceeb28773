"""The Content-Security-Policy of Argilla's page, and the frame that shows the cards. Standard library only.

argilla-server 2.8.0 shows a slate's cards in an <iframe srcdoc>, which inherits the page's policy; its template needs inline scripts and
eval (Handlebars), so the whole page would have to allow both. Here the frame is a document of its own, with a policy of its own: the page
runs nothing but the server's files and the inline scripts that it was shipped with, whatever a text holds.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

FRAME = "/card.html"
FRAME_FILES = {
    "card.html": '<!doctype html><html lang="ko"><meta charset="utf-8"><script src="card.js"></script></html>\n',
    "card.js": "document.write(frameElement.dataset.page);\n",
}
SANDBOX = re.compile(r'attrs:\{srcdoc:(\w+)\.template,frameborder:"0",scrolling:"no"\}')
"""The frame in each of the page's files that has one. Its address changes with its content, or it would not be loaded again."""
INLINE = re.compile(r"<script>((?:[^<]|<(?!/?script>))++)</script>")
SHARED = (
    "default-src 'none'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' data:",
    "base-uri 'self'",
)
FRAME_POLICY = "; ".join(
    (
        *SHARED,
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def move_frame(root: Path) -> None:
    """Give the cards' frame an address of its own in the served copy of the page. Raises RuntimeError if no frame is found."""
    found = 0
    for file in root.glob("_nuxt/*.js"):
        text, count = SANDBOX.subn(lambda match: _frame(match[1]), file.read_text(encoding="utf-8"))
        if count:
            file.write_text(text, encoding="utf-8")
            found += count
    if not found:
        raise RuntimeError(f"the frame of the cards was not found in {root}: another version of Argilla?")
    for name, content in FRAME_FILES.items():
        (root / name).write_text(content, encoding="utf-8")


def _frame(component: str) -> str:
    template = f"{component}.template"
    number = f"Array.from({template}).reduce(function(sum,sign){{return 31*sum+sign.codePointAt(0)|0}},0)"
    return f'attrs:{{"data-page":{template},src:"card.html?"+{number},frameborder:"0",scrolling:"no"}}'


def page_policy(root: Path) -> str:
    """The policy of the page: its own files, and its own inline scripts by their digests."""
    scripts = {script for file in root.rglob("*.html") for script in INLINE.findall(file.read_text(encoding="utf-8"))}
    digests = sorted(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "; ".join(
        (
            *SHARED,
            " ".join(("script-src 'self'", *(f"'sha256-{digest}'" for digest in digests))),
            "connect-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
