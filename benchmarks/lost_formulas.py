"""How many problems are found once their formulas are gone, and how many whole problems are said to lack one.

    python benchmarks/lost_formulas.py [FILE …] [--per-standard 10] [--json]

The formulas of generated problems are deleted the way programs that export HWP files do: what is an equation object there (signs or
variables) goes, its spaces stay. Whole problems are the same ones before that, and the problems of the given files (any kind that
prefopt reads; key text or question).

With --json the last line is one object: problems, with_formulas, found, found_rate, false_alarms, microseconds (of all text checks, per
text), files {name: [problems, said to lack a formula, said to lack a figure, garbled]}.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.text_checks import language_of, problem_findings, text_findings
from prefopt.readers.row_reader import read_rows_of
from prefopt.texts.figures import missing_figure
from prefopt.texts.lost_formulas import lost_formula
from prefopt.texts.mojibake import mojibake

UNITS = r"(?:[ckm]?m|k?g|m?L|t)[²³]?"
RUN = re.compile(r"[-(|√∠△]?[0-9A-Za-zπ](?:[0-9A-Za-zπ²³°^_()|.:]| ?[-+×÷*/=<>≤≥] ?[-√∠△□]?)*")


def without_formulas(text: str) -> str:
    """The text as an exporter leaves it."""

    def cut(run: re.Match[str]) -> str:
        formula = run[0].rstrip(" .")
        formula = formula[:-1] if formula.endswith(")") and "(" not in formula else formula
        is_formula = re.search(r"[-+×÷=<>≤≥√^π∠△/]|[A-Za-z]", re.sub(rf"(?<=\d) ?{UNITS}$|^{UNITS}$|°C$", "", formula))
        return run[0][len(formula) :] if is_formula else run[0]

    return RUN.sub(cut, text)


def texts_of(path: Path) -> list[str]:
    """The texts of a file of problems."""
    return [str(row.values.get("text") or row.values.get("question") or "") for row in read_rows_of(path)]


def measure(texts: list[str], files: dict[str, list[str]]) -> dict[str, object]:
    """Rates over generated texts and over the whole problems of files."""
    bare = [b for t in texts if (b := without_formulas(t)) != t]
    found = sum(lost_formula(b) is not None for b in bare)
    started = time.process_time()
    for text in texts:
        list(text_findings(text, "text"))
        list(problem_findings(text))
        language_of(text)
    seconds = time.process_time() - started
    counted = {
        name: [len(whole), *(sum(find(t) is not None for t in whole) for find in (lost_formula, missing_figure, mojibake))]
        for name, whole in files.items()
    }
    return {
        "problems": len(texts),
        "with_formulas": len(bare),
        "found": found,
        "found_rate": round(found / len(bare), 4),
        "false_alarms": sum(lost_formula(t) is not None for t in texts),
        "files": counted,
        "microseconds": round(seconds / len(texts) * 1e6, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--per-standard", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    texts = [problem.text for problem in generate(given.per_standard, 7)]
    result = measure(texts, {path.name: texts_of(path) for path in given.files})
    print(f"{result['found']} of {result['with_formulas']} problems are found without their formulas ({result['found_rate']:.1%})")
    print(f"{result['false_alarms']} of {result['problems']} whole problems are said to lack one; {result['microseconds']} µs a text")
    for name, (count, lost, figures, garbled) in result["files"].items():  # type: ignore[attr-defined]  # the dict above
        print(f"{name}: of {count} problems {lost} said to lack a formula, {figures} a figure, {garbled} garbled")
    if given.json:
        print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
