# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Korean words for the web pages of argilla-server 2.8.0, which ships English, German, Spanish and Japanese.

Only the copy that the running server serves is changed: korean.json is laid over the English table, key by key, in the browser; a key
that it lacks stays English. Fonts are no longer asked of Google: that works neither offline nor in private.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

TABLE = Path(__file__).with_name("korean.json")
ENGLISH = re.compile(r'"en\.js":function enJs\(\)\{return Promise\.resolve\((\w+)\)\}')
GOOGLE_FONTS = re.compile(r"@import url\([^)]*fonts\.googleapis\.com[^)]*\);?")
NARROW = re.compile(r"(max|min)-width:(?:1099|1100|1101)px")
"""Below this width the questions go under the record; school screens of 1024 pixels are to show both side by side."""
TEXT_AREA = re.compile(r"(\.text_field_component \.content-area[^{]*\{)white-space:pre-wrap;word-break:break-word")
"""Korean lines break between words, not within; and a text's own line breaks are markup, so blanks after it need no lines."""
TOTAL = re.compile(r'"of "(\+\w+\._s\(\w+\.records\.total\))')
"""The pager's "1 of 12", the one place where a word of the page is not in its table."""
AGO = re.compile(r"new Intl\.RelativeTimeFormat\(this\.\$i18n\.locale")
ENGLISH_GUIDES = re.compile(r'(\w+)\("LinkCard",\{attrs:\{type:"How to guide"[^{}]*\}\}\)')
"""Cards of the first page that lead to English pages elsewhere."""
SHORTCUT = re.compile(r'return"Tab"==(\w+)\.key\|\|')
"""What a card to be ranked lets through to the page: without Ctrl the shown key for saving a draft would do nothing there."""
FILTERS = re.compile(r"\A(?=[\s\S]*filters__wrapper)")
NO_FILTERS = ".filters__wrapper .sort-filter,.filters__wrapper .filters__filter-button{display:none!important}"
"""Sorting and filtering by fields: English names of fields, and nothing that a teacher needs. Status and search stay."""
MERGE = (
    "(function merge(under,over){for(var key in over)"
    'typeof over[key]=="object"?merge(under[key]=under[key]||{},over[key]):under[key]=over[key];return under})'
)


def overlay(app) -> None:
    """Change the served pages. Raises RuntimeError where the place to change is not found: then this is another Argilla."""
    root = next(Path(route.app.directory) for route in app.routes if getattr(route, "name", None) == "static")
    words = json.dumps(json.loads(TABLE.read_text(encoding="utf-8")), ensure_ascii=False)
    changed = [_change(file, ENGLISH, lambda found: _with_korean(found[1], words)) for file in root.glob("_nuxt/*.js")]
    if changed.count(True) != 1:
        raise RuntimeError(f"the English table was found in {changed.count(True)} files of {root}, not in one")
    for file in root.glob("_nuxt/*.js"):
        _change(file, re.compile(r'code:"en",name:"English"'), lambda found: 'code:"en",name:"한국어"')
        _change(file, TOTAL, lambda found: f'"/ "{found[1]}')
        _change(file, SHORTCUT, lambda found: f'return {found[1]}.ctrlKey||{found[1]}.metaKey||"Tab"=={found[1]}.key||')
        _change(file, AGO, lambda found: 'new Intl.RelativeTimeFormat("ko"')
        _change(file, ENGLISH_GUIDES, lambda found: f'{found[1]}("span")')
    for file in root.glob("_nuxt/*.css"):
        _change(file, GOOGLE_FONTS, lambda found: "")
        _change(file, FILTERS, lambda found: NO_FILTERS)
        _change(file, NARROW, lambda found: f"{found[1]}-width:{899 if found[1] == 'max' else 900}px")
        _change(file, TEXT_AREA, lambda found: f"{found[1]}white-space:normal;word-break:keep-all;overflow-wrap:anywhere")
    for file in root.rglob("*.html"):
        _change(file, re.compile(r'<html lang="?en"?'), lambda found: '<html lang="ko"')


def _with_korean(table: str, words: str) -> str:
    return f'"en.js":function enJs(){{return Promise.resolve({MERGE}({table},{words}))}}'


def _change(file: Path, pattern: re.Pattern, replacement) -> bool:
    text, count = pattern.subn(replacement, file.read_text(encoding="utf-8"))
    if count:
        file.write_text(text, encoding="utf-8")
    return count > 0
