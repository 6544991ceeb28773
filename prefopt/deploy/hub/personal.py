"""The last look at what is about to be published: no teacher's name, problem text, path of this machine, or key is in it.

Everything that is published is chosen field by field (outgoing.py). What people wrote themselves goes with it, though: the model's
instructions, the words of [domain], the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from huggingface_hub import get_token

from prefopt.deploy.hub.lineage import TAXONOMY
from prefopt.errors import ProjectError
from prefopt.project.project import Project, Round
from prefopt.records import SIMULATED
from prefopt.rounds.artifacts import RANKINGS, SLATES
from prefopt.rounds.reading import has, read
from prefopt.texts.personal_data import personal_data

_KEYS = re.compile(r"\b(?:hf|api_org|sk|ghp|github_pat|tgp|xox[bp])[-_][A-Za-z0-9_-]{16,}")
_FOLDERS = "home root Users tmp mnt srv opt var data media private Volumes work workspace".replace(" ", "|")
_PATHS = re.compile(rf"(?<![\w.:/<])(?:/(?:{_FOLDERS})/[^\s\"']+|[A-Za-z]:\\\\?\w)")
_LEAST_TEXT = 8  # characters of a problem; a shorter one is found in any text
_LEAST_NAME = 2


def refuse_personal(rnd: Round, written: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Raise ProjectError where something personal would be published.

    Args:
        rnd: the round.
        written: where -> text that people wrote: settings, labels.
        files: name -> text of every file that is published.
    """
    names, problems = _names(rnd.project), _problems(rnd)
    for where, text in written.items():
        if found := next((name for name in sorted(names) if _names_person(name, text)), ""):
            raise _refused(rnd, where, f"{found!r}, the name of a teacher")
        if spans := [span for span in personal_data(text) if where != TAXONOMY or span.kind != "person-name"]:
            raise _refused(rnd, where, f"{text[spans[0].start : spans[0].end]!r}, personal data ({spans[0].kind})")
    own = [path for path in (str(rnd.project.root), str(Path.home())) if len(Path(path).parts) > 2]
    for where, text in (*written.items(), *files.items()):
        folded = _folded(text)
        if any(problem in folded for problem in problems):
            raise _refused(rnd, where, "the text of a problem")
        if _KEYS.search(text) or ((token := get_token()) and token in text):
            raise _refused(rnd, where, "what looks like a key")
        if _PATHS.search(text) or any(path in text for path in own):
            raise _refused(rnd, where, "a path of this machine")


def _refused(rnd: Round, where: str, what: str) -> ProjectError:
    stays = "remove it there; what the round was trained with stays in it"
    return ProjectError(
        f"round {rnd.name}: {where} holds {what}; nothing was sent",
        hint=f"{stays}, so then train it again: prefopt sft --again"
        if rnd.parent is None
        else f"{stays}, so then train it again: prefopt round branch {rnd.number} --at train",
    )


def _names(project: Project) -> set[str]:
    """Every teacher who answered in a round of the project."""
    found = {ranking.teacher for rnd in project.rounds() if has(rnd, RANKINGS) for ranking in read(rnd, RANKINGS)}
    return {name for name in found if len(name) >= _LEAST_NAME and not name.startswith(SIMULATED)}


def _names_person(name: str, text: str) -> bool:
    """Whether a name occurs in a text as a word; a particle may follow one in Hangul."""
    end = r"(?!\w)" if name[-1].isascii() else ""
    return re.search(rf"(?<!\w){re.escape(name)}{end}", text, re.IGNORECASE) is not None


def _problems(rnd: Round) -> set[str]:
    """The texts of all problems that the project knows: labeled ones, and those that teachers were asked about."""
    data = rnd.load()
    slates = (slate.problem for r in rnd.project.rounds() if has(r, SLATES) for slate in read(r, SLATES))
    return set(_long(problem.text for problem in (*data.train, *data.holdout, *data.audit, *data.left_out, *slates)))


def _long(texts: Iterable[str]) -> Iterable[str]:
    """Texts that cannot be part of a number or a digest by chance."""
    return (folded for text in texts if len(folded := _folded(text)) >= _LEAST_TEXT and re.search(r"[^\x00-\x7f]|\s", folded))


def _folded(text: str) -> str:
    return " ".join(text.split())
