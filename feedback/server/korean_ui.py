# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Korean words for the web pages of argilla-server 2.8.0, which ships English, German, Spanish and Japanese.

Only the copy that the running server serves is changed: korean.json is merged over the English table, key by key, in the browser; a key
that it lacks stays English. Fonts are no longer loaded from Google, which would need a connection and reveal visitors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

TABLE = Path(__file__).with_name("korean.json")
ENGLISH = re.compile(r'"en\.js":function enJs\(\)\{return Promise\.resolve\((\w+)\)\}')
GOOGLE_FONTS = re.compile(r"@import url\([^)]*fonts\.googleapis\.com[^)]*\);?")
NARROW = re.compile(r"(max|min)-width:(?:1099|1100|1101)px")
"""Below this width the questions move under the record; school screens of 1024 pixels must show both side by side."""
TEXT_AREA = re.compile(r"(\.text_field_component \.content-area[^{]*\{)white-space:pre-wrap;word-break:break-word")
"""Korean lines break between words, not within them. Line breaks of a text are markup already, so white space needs no lines of its own."""
TOTAL = re.compile(r'"of "(\+\w+\._s\(\w+\.records\.total\))')
"""The pager's "1 of 12", the only word of the page that is not in the table."""
AGO = re.compile(r"new Intl\.RelativeTimeFormat\(this\.\$i18n\.locale")
ENGLISH_GUIDES = re.compile(r'(\w+)\("LinkCard",\{attrs:\{type:"How to guide"[^{}]*\}\}\)')
"""Cards of the home page that link to English pages elsewhere."""
SHORTCUT = re.compile(r'return"Tab"==(\w+)\.key\|\|')
"""The keys that a card of a ranking passes on to the page: without Ctrl, the displayed shortcut for a draft would do nothing there."""
SIGN_OUT = re.compile(r"endpoints:\{logout:!1,")
"""The page forgets its token when a teacher signs out; the server has to hear of it, to end the session."""
FILTERS = re.compile(r"\A(?=[\s\S]*filters__wrapper)")
NO_FILTERS = ".filters__wrapper .sort-filter,.filters__wrapper .filters__filter-button{display:none!important}"
"""Sorting and filtering by fields show English field names that no teacher needs. Status and search stay."""
MERGE = (
    "(function merge(under,over){for(var key in over)"
    'typeof over[key]=="object"?merge(under[key]=under[key]||{},over[key]):under[key]=over[key];return under})'
)


def overlay(app) -> None:
    """Change the served pages. Raises RuntimeError if the place to change is not found, as in another version of Argilla."""
    root = next(Path(route.app.directory) for route in app.routes if getattr(route, "name", None) == "static")
    words = json.dumps(json.loads(TABLE.read_text(encoding="utf-8")), ensure_ascii=False)
    changed = [_change(file, ENGLISH, lambda match: _with_korean(match[1], words)) for file in root.glob("_nuxt/*.js")]
    if changed.count(True) != 1:
        raise RuntimeError(f"the English table was found in {changed.count(True)} files of {root}, not in one")
    for file in root.glob("_nuxt/*.js"):
        _change(file, re.compile(r'code:"en",name:"English"'), lambda match: 'code:"en",name:"한국어"')
        _change(file, TOTAL, lambda match: f'"/ "{match[1]}')
        _change(file, SHORTCUT, lambda match: f'return {match[1]}.ctrlKey||{match[1]}.metaKey||"Tab"=={match[1]}.key||')
        _change(file, SIGN_OUT, lambda match: 'endpoints:{logout:{url:"/v1/session",method:"delete"},')
        _change(file, AGO, lambda match: 'new Intl.RelativeTimeFormat("ko"')
        _change(file, ENGLISH_GUIDES, lambda match: f'{match[1]}("span")')
    for file in root.glob("_nuxt/*.css"):
        _change(file, GOOGLE_FONTS, lambda match: "")
        _change(file, FILTERS, lambda match: NO_FILTERS)
        _change(file, NARROW, lambda match: f"{match[1]}-width:{899 if match[1] == 'max' else 900}px")
        _change(file, TEXT_AREA, lambda match: f"{match[1]}white-space:normal;word-break:keep-all;overflow-wrap:anywhere")
    for file in root.rglob("*.html"):
        _change(file, re.compile(r'<html lang="?en"?'), lambda match: '<html lang="ko"')


def _with_korean(table: str, words: str) -> str:
    return f'"en.js":function enJs(){{return Promise.resolve({MERGE}({table},{words}))}}'


def _change(file: Path, pattern: re.Pattern, replacement) -> bool:
    text, count = pattern.subn(replacement, file.read_text(encoding="utf-8"))
    if count:
        file.write_text(text, encoding="utf-8")
    return count > 0
