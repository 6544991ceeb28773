"""Words of Hancom's equation script and their LaTeX.

Source: Hancom, "한글 문서 파일 구조 - 수식" (Hwp Document File Formats - Equation), revision 1.3, and the help of the equation editor.
본 제품은 한글과컴퓨터의 한글 문서 파일(.hwp) 공개 문서를 참고하여 개발하였습니다.
"""

from __future__ import annotations

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
    "varepsilon vartheta varpi varrho varsigma varphi"
)
_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
_LATIN_CAPITALS = {"Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K"}
_LATIN_CAPITALS |= {"Mu": "M", "Nu": "N", "Rho": "P", "Tau": "T", "Chi": "X", "Omicron": "O"}
_FUNCTIONS = "sin cos tan csc sec cot sinh cosh tanh coth arcsin arccos arctan log ln lg exp max min lim gcd det dim arg ker sup"

_SAME = (
    "times div cdot cdots ldots vdots ddots leq geq neq ll gg sim simeq approx cong equiv propto perp parallel "
    "therefore because forall emptyset in notin subset subseteq supset supseteq cup cap oplus ominus otimes odot vee wedge "
    "pm mp circ bullet ast star dagger ddagger partial nabla hbar imath jmath "
    "aleph wp vdash models mapsto prec succ asymp diamond triangle angle sum prod coprod int oint "
    "infty uparrow downarrow nearrow searrow swarrow nwarrow"
)
SYMBOLS: dict[str, str] = {
    **{word: "\\" + word for word in f"{_GREEK} {_SAME} {_FUNCTIONS}".split()},
    **{word: "\\" + word for word in _CAPITALS.split()},
    **{word: f"\\mathrm{{{letter}}}" for word, letter in _LATIN_CAPITALS.items()},
    "omicron": "o", "le": "\\leq", "ge": "\\geq", "ne": "\\neq", "divide": "\\div", "plusminus": "\\pm", "minusplus": "\\mp",
    "inf": "\\infty", "prime": "'", "exist": "\\exists", "exists": "\\exists", "owns": "\\ni", "superset": "\\supset",
    "supersetof": "\\supset", "union": "\\cup", "inter": "\\cap", "smallunion": "\\cup", "smallinter": "\\cap", "smallsum": "\\sum",
    "smallprod": "\\prod", "identical": "\\equiv", "image": "\\risingdotseq", "doteq": "\\doteq", "bot": "\\perp", "top": "\\top",
    "lnot": "\\lnot", "not": "\\not", "dsum": "\\dotplus", "xor": "\\veebar", "bigcirc": "\\bigcirc", "iso": "\\Bumpeq", "lll": "\\lll",
    "ggg": "\\ggg", "rarrow": "\\rightarrow", "larrow": "\\leftarrow", "lrarrow": "\\leftrightarrow", "udarrow": "\\updownarrow",
    "RARROW": "\\Rightarrow", "LARROW": "\\Leftarrow", "LRARROW": "\\Leftrightarrow", "UPARROW": "\\Uparrow", "DOWNARROW": "\\Downarrow",
    "hookleft": "\\hookleftarrow", "hookright": "\\hookrightarrow", "dint": "\\iint", "tint": "\\iiint",
    "rtangle": "\\llcorner", "sangle": "\\sphericalangle", "msangle": "\\measuredangle", "laplace": "\\mathcal{L}", "liter": "\\ell",
    "angstrom": "\\mathrm{\\AA}", "centigrade": "^{\\circ}\\mathrm{C}", "fahrenheit": "^{\\circ}\\mathrm{F}", "deg": "^{\\circ}",
    "vert": "|", "dvert": "\\|", "lbrace": "\\{", "rbrace": "\\}", "langle": "\\langle", "rangle": "\\rangle", "dline": "\\|",
    "square": "\\square", "well": "\\#", "att": "@", "cosec": "\\operatorname{cosec}", "mod": "\\bmod", "pr": "\\Pr", "quad": "\\quad",
    "if": "\\text{if }", "for": "\\text{for }", "and": "\\text{ and }", "or": "\\text{ or }", "hlef": "\\dashv", "hund": "\\%",
}  # fmt: skip
"""Words that stand for one sign. Looked up as written, then in lower case."""

SIGNS = {
    "<=>": "\\Leftrightarrow", "<->": "\\leftrightarrow", "->": "\\rightarrow", "<-": "\\leftarrow", "=>": "\\Rightarrow",
    "<=": "\\leq", ">=": "\\geq", "!=": "\\neq", "==": "\\equiv", "+-": "\\pm", "-+": "\\mp", "<<": "\\ll", ">>": "\\gg",
    "~": "~", "`": "\\,", "°": "^{\\circ}", "×": "\\times", "÷": "\\div", "≤": "\\leq", "≥": "\\geq", "≠": "\\neq", "π": "\\pi",
    "∠": "\\angle", "△": "\\triangle", "∞": "\\infty", "±": "\\pm", "·": "\\cdot", "…": "\\cdots", "⋯": "\\cdots", "%": "\\%",
    "−": "-", "∴": "\\therefore", "∵": "\\because", "→": "\\rightarrow", "∈": "\\in", "∪": "\\cup", "∩": "\\cap", "′": "'", "$": "\\$",
}  # fmt: skip

ACCENTS = {
    "bar": "overline", "vec": "vec", "hat": "hat", "tilde": "tilde", "dot": "dot", "ddot": "ddot", "acute": "acute", "grave": "grave",
    "check": "check", "under": "underline", "underline": "underline", "overline": "overline", "box": "boxed", "dyad": "overleftrightarrow",
    "arch": "overset{\\frown}",
}  # fmt: skip
WIDE = {"vec": "overrightarrow", "hat": "widehat", "tilde": "widetilde"}
"""Accents over more than one letter."""

FONTS = {"rm": "mathrm", "bold": "mathbf", "bf": "mathbf", "it": ""}
TABLES = {
    "cases": "cases", "matrix": "matrix", "pmatrix": "pmatrix", "bmatrix": "bmatrix", "dmatrix": "vmatrix", "pile": "array",
    "lpile": "array", "rpile": "array", "eqalign": "aligned",
}  # fmt: skip
COLUMNS = {"pile": "{c}", "lpile": "{l}", "rpile": "{r}"}
DELIMITERS = {"{": "\\{", "}": "\\}", "<": "\\langle", ">": "\\rangle", "lbrace": "\\{", "rbrace": "\\}", "vert": "|", "dvert": "\\|"}
STRUCTURE = frozenset(
    ("over", "atop", "choose", "sqrt", "root", "of", "from", "to", "sup", "sub", "lsup", "lsub", "left", "right", "binom")
)
KEYWORDS = frozenset(SYMBOLS) | frozenset(ACCENTS) | frozenset(FONTS) | frozenset(TABLES) | STRUCTURE
