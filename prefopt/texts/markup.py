"""HTML's tags and LaTeX's delimiters, spaces and commands in a text: what only a renderer needs is removed, what means something is kept.

Every pattern looks ahead a bounded number of characters, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re

_ATTRIBUTES = r"(?: [a-zA-Z-]{1,20} ?=[^<>]{0,200})?"
_BREAK = re.compile(rf"</?(?:br|(?:div|li|ul|ol|tr|td|table)){_ATTRIBUTES} ?/?>", re.IGNORECASE)
_PARAGRAPH = re.compile(rf"</?p{_ATTRIBUTES} ?/?>", re.IGNORECASE)
_RAISED = re.compile(r"<(sup|sub)>([^<>]{1,80})</\1>", re.IGNORECASE)
_CLOSED = re.compile(r"</(b|i|u|em|strong|span|font|small|big|sup|sub)>", re.IGNORECASE)
_STYLE = re.compile(rf"</?(b|i|u|em|strong|span|font|small|big){_ATTRIBUTES} ?>", re.IGNORECASE)

_BLOCK = re.compile(r"\$\$((?:[^$]|\$(?!\$)){1,2000}?)\$\$")
_BLOCK_END = re.compile(
    r"\s?(?<!\\)\\\](?:\s(?=(?:은|는|이|가|을|를|의|에|에서|와|과|로|으로|일|인)(?:\s|$)))?"
)  # a particle belongs to the formula
_INLINE = re.compile(r"(?<![\\$])\$(?![\s$,.;:?!])([^$]{0,600}?[^\s\\$])\$(?![\d$])")
_SPACED = re.compile(r"(?<![\\$\d])\$ ([^$가-힣]{1,600}?) \$(?![\d$])")
_PROSE = re.compile(r"(?<![\\A-Za-z{])[a-z]{2,}(?![A-Za-z}])")
_FUNCTIONS = frozenset(["sin", "cos", "tan", "log", "ln", "lim", "max", "min", "mod", "gcd", "lcm", "cm", "mm", "km", "kg", "mg", "ml"])
_DELIMITER = re.compile(r"(?<!\\)\\(?:[(\[] ?|[)\]])")
_SIDE = re.compile(r"\\(?:left|right|big|Big|displaystyle|textstyle|limits)(?![a-zA-Z]) ?")
_SPACE = re.compile(r"(?<!\\)\\(?:[,;: ]|q?quad(?![a-zA-Z]))")
_NO_SPACE = re.compile(r"(?<!\\)\\!")
_ESCAPED = re.compile(r"(?<!\\)\\([%&#$_])")
_SIGNS = {
    "times": "×", "div": "÷", "cdot": "·", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "pm": "±",
    "pi": "π", "theta": "θ", "alpha": "α", "beta": "β", "angle": "∠", "triangle": "△", "square": "□", "infty": "∞", "circ": "°",
    "dfrac": "\\frac", "tfrac": "\\frac", "lt": "<", "gt": ">", "cdots": "...", "ldots": "...", "dots": "...",
}  # fmt: skip
_DEGREE = re.compile(r" ?\^ ?(?:\{ ?\\circ ?\}|\\circ(?![a-zA-Z]))")
_SIGN = re.compile(r"\\(" + "|".join(sorted(_SIGNS, key=len, reverse=True)) + r")(?![a-zA-Z]) ?")
_WORDS = re.compile(r"\\(?:mathrm|rm|text|operatorname|mathit) ?\{([^{}]{0,200})\}|\{\\rm ([^{}]{0,200})\}")
_BEFORE_BRACE = re.compile(r"(?<=[a-zA-Z}]) (?=\{)")
_IN_BRACES = re.compile(r"(?<=\{) | (?=\\?\})")
_DOUBLE_BRACES = re.compile(r"\{\{([^{}]{1,200})\}\}")
_SCRIPT = re.compile(r"([\^_]) ?\{ ?(?:(-?\d{1,20})\}(?![\d]|[.,]\d)|([A-Za-z])\}(?![0-9A-Za-z]))")
_BASE = re.compile(r"(?<![}\w])\{(\w{1,20})\}(?= ?[\^_])")


def without_tags(text: str) -> str:
    """Line breaks for the tags that break a line, ^{…} for raised texts, and no tags of style. <보기> and a <b> c are no tags."""
    if "<" not in text:
        return text
    text = _BREAK.sub("\n", text)
    if "</p>" in text.lower() or text.lower().startswith("<p>"):
        text = _PARAGRAPH.sub("\n", text)
    text = _RAISED.sub(lambda m: ("^" if m[1].lower() == "sup" else "_") + f"{{{m[2].strip()}}}", text)
    closed = {name.lower() for name in _CLOSED.findall(text)}
    return _STYLE.sub(lambda m: "" if m[1].lower() in closed else m[0], text) if closed else text


def without_delimiters(text: str) -> str:
    """The text without $…$ and its kin, and LaTeX's commands, spaces and braces in one spelling. Prices keep their dollar signs."""
    if "$" in text:
        text = _BLOCK.sub(r"\\[\1\\]", text)
        text = _SPACED.sub(_formula, _INLINE.sub(_formula, text))
    if "\\" in text:
        text = _NO_SPACE.sub("", _SPACE.sub(" ", _SIDE.sub("", _DELIMITER.sub("", _BLOCK_END.sub("", text)))))
        text = _ESCAPED.sub(r"\1", _SIGN.sub(lambda m: _SIGNS[m[1]], _DEGREE.sub("°", text)))
        text = _WORDS.sub(lambda m: (m[1] or m[2] or "").replace("~", " "), _BEFORE_BRACE.sub("", text))
    if "{" in text:
        text = _IN_BRACES.sub("", text)
        for _ in range(3):
            text = _DOUBLE_BRACES.sub(r"{\1}", text)
        text = _SCRIPT.sub(lambda m: m[1] + (m[2] or m[3]), _BASE.sub(r"\1", text))
    return text


def _formula(found: re.Match[str]) -> str:
    """What stands between two dollar signs; with them where it is prose between two prices."""
    is_prose = any(word not in _FUNCTIONS for word in _PROSE.findall(found[1])) and "\\" not in found[1]
    return found[0] if is_prose else found[1].replace("~", " ")
