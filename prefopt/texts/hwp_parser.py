"""Parse one equation script of Hancom and write it as LaTeX. Source: see prefopt.texts.hwp_words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from prefopt.texts.hwp_words import ACCENTS, COLUMNS, DELIMITERS, FONTS, SIGNS, STRUCTURE, SYMBOLS, TABLES, WIDE

MAX_SYMBOLS = 20_000
MAX_NODE = 4000
MAX_DEPTH = 40  # braces within braces; deeper scripts are left as they are

_SYMBOL = re.compile(
    r'\s+|"[^"]*"|\\[A-Za-z]+|\\.|[A-Za-z]+|\d+(?:\.\d+)?|<=>|<->|->|<-|=>|<=|>=|!=|==|\+-|-\+|<<|>>|.', re.S
)  # fmt: skip


@dataclass
class Script:
    """A converted script or text.

    Attributes:
        text: LaTeX, or the text with its scripts as LaTeX.
        unknown: words that are no words of the script, left as they are; { or } where braces do not match, and the script is left whole.
    """

    text: str
    unknown: list[str] = field(default_factory=list)


def to_latex(script: str) -> Script:
    """LaTeX of one equation script, without dollar signs. Linear in its length; a script with unmatched braces is returned as it is."""
    symbols = [t for t in _SYMBOL.findall(script) if t]
    fault = _unmatched(symbols)
    if fault or len(symbols) > MAX_SYMBOLS:
        return Script(script, [fault or "(too long)"])
    parser = _Parser(symbols)
    body, rows = parser.sequence()
    text = f"\\begin{{aligned}} {body} \\end{{aligned}}" if rows else body
    return Script(text, parser.unknown)


def _unmatched(symbols: list[str]) -> str | None:
    """{ or } where the braces of groups do not match or are too deep; braces after LEFT and RIGHT are delimiters."""
    depth = 0
    last = ""
    for symbol in symbols:
        if symbol.isspace():
            continue
        if symbol in "{}" and last.lower() not in ("left", "right"):
            depth += 1 if symbol == "{" else -1
            if depth < 0 or depth > MAX_DEPTH:
                return symbol
        last = symbol
    return "{" if depth else None


class _Parser:
    """Reads the symbols of a script from left to right, one level of braces for each level of calls."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self.at = 0
        self.depth = 0
        self.unknown: list[str] = []

    def sequence(self, end: str = "", is_table: bool = False) -> tuple[str, bool]:
        """Everything up to `end`, and whether it has rows (# or &) outside of a table."""
        nodes: list[str] = []
        rows = False
        lefts: list[int] = []
        while self.at < len(self.symbols) and self.symbols[self.at] != end:
            symbol = self.symbols[self.at]
            self.at += 1
            word = symbol.lower()
            if symbol.isspace():
                nodes.append(" ")
            elif symbol in "#&":
                rows = rows or not is_table
                nodes.append(" \\\\ " if symbol == "#" else " & ")
            elif word in ("over", "atop", "choose") and not symbol.startswith("\\"):
                self._fraction(nodes, word)
            elif symbol in "^_" or word in ("sup", "sub"):
                self._script(nodes, "^" if symbol == "^" or word == "sup" else "_")
            elif word in ("from", "to") and nodes:
                self._script(nodes, "_" if word == "from" else "^")
            elif word in ("left", "right"):
                self._delimiter(nodes, word, lefts)
            else:
                nodes.append(self._node(symbol))
        self.at += 1
        for index in lefts:  # without their RIGHT
            nodes[index] = nodes[index].removeprefix("\\left").removeprefix(".")
            self.unknown.append("LEFT")
        return _joined(nodes), rows

    def _operand(self) -> str:
        """The next node: a group, or what is written without a space."""
        while self.at < len(self.symbols) and self.symbols[self.at].isspace():
            self.at += 1
        if self.at >= len(self.symbols) or self.symbols[self.at] in "}#&":
            return ""
        symbol = self.symbols[self.at]
        if symbol in "^_" or symbol.lower() in ("over", "atop", "choose", "left", "right") or self.depth > MAX_DEPTH:
            return ""
        self.at += 1
        self.depth += 1
        node = _bare(self._node(symbol))
        self.depth -= 1
        return node

    def _node(self, symbol: str) -> str:
        """A symbol, with its operands, that needs nothing of what stands before it."""
        word = symbol.lower()
        if symbol == "{":
            return "{" + self.sequence("}")[0] + "}"
        if symbol[0] == "\\" and not symbol[1:].isalpha():
            return symbol if symbol[1:] and symbol[1:] in "{}|,;:!%$&#_" else "\\backslash "
        if symbol[0] == '"':
            quoted = re.sub(r"[{}\\$]", "", symbol.strip('"'))
            return f"\\text{{{quoted}}}" if quoted else symbol if symbol == '"' else ""
        if not symbol.isalpha() or not symbol.isascii():
            return _spaced(SIGNS.get(symbol, symbol))
        if word in ("sqrt", "root"):
            return self._root()
        if word in ACCENTS:
            inner = self._operand()
            name = WIDE.get(word, ACCENTS[word]) if len(inner) > 1 and not inner.startswith("\\") else ACCENTS[word]
            return f"\\{name}{{{inner}}}"
        if word in FONTS:
            return self._font(FONTS[word])
        if word in TABLES and self._peek() == "{":
            return self._table(word)
        if word == "binom":
            return f"\\binom{{{self._operand()}}}{{{self._operand()}}}"
        return self._word(symbol, word)

    def _word(self, symbol: str, word: str) -> str:
        known = SYMBOLS.get(symbol)
        if known is None and (symbol.isupper() or symbol.istitle()):
            known = _capital(symbol, word)
        if known is not None:
            return _spaced(known)
        if word in STRUCTURE or word in TABLES or _is_unknown(symbol):
            self.unknown.append(symbol)
        return symbol

    def _peek(self) -> str:
        at = self.at
        while at < len(self.symbols) and self.symbols[at].isspace():
            at += 1
        return self.symbols[at] if at < len(self.symbols) else ""

    def _root(self) -> str:
        first = self._operand()
        if self._peek().lower() == "of":
            self._next()
            return f"\\sqrt[{first}]{{{self._operand()}}}"
        return f"\\sqrt{{{first}}}"

    def _next(self) -> str:
        while self.symbols[self.at].isspace():
            self.at += 1
        self.at += 1
        return self.symbols[self.at - 1]

    def _font(self, name: str) -> str:
        if not self._peek() or self._peek() in "}^_#&":
            return ""
        inner = self._operand()
        if not inner or not name:
            return inner
        return inner if re.fullmatch(r"\\[A-Za-z]+ ?", inner) else f"\\{name}{{{inner}}}"

    def _table(self, word: str) -> str:
        self._next()
        body, _ = self.sequence("}", is_table=True)
        name = TABLES[word]
        return f"\\begin{{{name}}}{COLUMNS.get(word, '')} {body.strip()} \\end{{{name}}}"

    def _fraction(self, nodes: list[str], word: str) -> None:
        below = self._operand()
        while nodes and nodes[-1] == " ":
            nodes.pop()
        above = _parenthesized(nodes)
        while (
            nodes
            and not nodes[-1].startswith((" ", "\\left", "\\right"))
            and (not above or (_is_plain(nodes[-1]) and _is_plain(above[-1])))
        ):
            above.append(nodes.pop())
        if above and len(above[-1]) > MAX_NODE:  # a chain of fractions without braces
            self.unknown.append(word)
            nodes += [*above[::-1], f" {word} ", below]
            return
        top = _bare(_joined(above[::-1]))
        nodes.append(
            {"over": f"\\frac{{{top}}}{{{below}}}", "choose": f"\\binom{{{top}}}{{{below}}}"}.get(word, f"{{{top} \\atop {below}}}")
        )

    def _script(self, nodes: list[str], mark: str) -> None:
        while nodes and nodes[-1] == " ":
            nodes.pop()
        raised = self._operand()
        if not nodes or nodes[-1] in (" & ", " \\\\ ", "+", "-", "=", ","):
            if mark == "^" and self._peek().lower() == "sqrt":
                self._next()
                nodes.append(f"\\sqrt[{raised}]{{{self._operand()}}}")
                return
            nodes.append("{}")
        nodes[-1] = f"{nodes[-1].rstrip()}{mark}{{{raised}}}"

    def _delimiter(self, nodes: list[str], word: str, lefts: list[int]) -> None:
        peeked = self._peek()
        sign = ""
        if peeked and (peeked in "()[]{}|.<>/" or peeked.lower() in DELIMITERS):
            sign = DELIMITERS.get(self._next().lower(), peeked)
        if word == "left":
            lefts.append(len(nodes))
            nodes.append(_spaced(f"\\left{sign or '.'}"))
        elif lefts:
            lefts.pop()
            nodes.append(_spaced(f"\\right{sign or '.'}"))
        else:
            nodes.append("" if sign == "." else _spaced(sign))
            self.unknown.append("RIGHT")


def _joined(nodes: list[str]) -> str:
    first, last = 0, len(nodes)
    while first < last and nodes[first] in (" ", "~", "\\,"):
        first += 1
    while first < last and nodes[last - 1] in (" ", "~", "\\,"):
        last -= 1
    return re.sub(r" {2,}", " ", "".join(nodes[first:last])).strip()


def _spaced(latex: str) -> str:
    """A command that ends in a letter needs a space before the next letter."""
    return f"{latex} " if latex[:1] == "\\" and latex[-1:].isalpha() else latex


def _bare(node: str) -> str:
    """A node without the braces around the whole of it."""
    node = node.strip()
    if node[:1] != "{" or node[-1:] != "}":
        return node
    depth = 0
    for at, mark in enumerate(re.finditer(r"\\.|[{}]", node)):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0 and at and mark.end() < len(node):
            return node
    return node[1:-1].strip()


def _parenthesized(nodes: list[str]) -> list[str]:
    """Take a pair of parentheses from the end of the nodes, in reverse order; nothing where they do not end in one."""
    if not nodes or not nodes[-1].endswith(")") or not (nodes[-1] == ")" or nodes[-1].startswith("\\right")):
        return []
    depth = 0
    for at in range(len(nodes) - 1, max(-1, len(nodes) - 200), -1):
        depth += nodes[at].endswith(")") and nodes[at][:1] in ")\\"
        depth -= nodes[at] in ("(", "\\left(")
        if depth == 0:
            taken = nodes[at:][::-1]
            del nodes[at:]
            return taken
    return []


def _is_plain(node: str) -> bool:
    return node == "" or node[-1].isalnum() or node[-1] in "} .'"


def _capital(symbol: str, word: str) -> str | None:
    """The sign of a word in capitals: GAMMA is the capital letter, TIMES is times. Two capitals are two points."""
    if len(word) < 3:
        return None
    return SYMBOLS.get(word.capitalize()) or SYMBOLS.get(word)


def _is_unknown(symbol: str) -> bool:
    """Whether a word is no product of variables or row of points."""
    if symbol.isupper():
        return len(symbol) > 6
    return len(symbol) > 2 and not set(symbol) <= set("abcxyz")
