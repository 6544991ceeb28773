"""Words for [domain] that a taxonomy suggests, and where a project's words contradict each other."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from prefopt.config import ProjectConfig
from prefopt.domain import DomainSettings, foreign_words, whole_words
from prefopt.errors import ConfigError
from prefopt.project.project import Project
from prefopt.taxonomy import Taxonomy
from prefopt.texts.label_codes import parse_code

_ADVICE = "set subject, item and label under [domain] in prefopt.toml"


def domain_of(taxonomy: Taxonomy, *, subject: str = "", label: str = "", language: str | None = None) -> DomainSettings:
    """Words for a taxonomy.

    Args:
        taxonomy: of codes of the mathematics curriculum, it has the words of mathematics; any other has neutral ones.
        subject: what it is of; empty: not said, or mathematics.
        label: what a label is called; empty: by the taxonomy.
        language: ko or en; None: that of the names.

    Raises:
        ConfigError: an unknown language, or a subject or label that is no word.
    """
    spoken = language or ("ko" if any(re.search("[가-힣]", label.name) for label in taxonomy) else "en")
    usual = whole_words({"language": spoken})["subject"] if is_mathematics(taxonomy) else ""
    given = {"language": spoken, "subject": subject or usual} | ({"label": label} if label else {})
    try:
        return DomainSettings.model_validate({**whole_words(given), **given})
    except ValidationError as error:
        key, said = str(error.errors()[0]["loc"][0]), str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        hint = "--language ko, or --language en" if key == "language" else f"--{key} WORD"
        raise ConfigError(f"--{key} {given[key]!r}: {said}", hint=hint) from None


def is_mathematics(taxonomy: Taxonomy) -> bool:
    """Whether most labels are codes of the Korean mathematics curriculum."""
    codes = [code for label in taxonomy if (code := parse_code(label.code)) is not None and code.is_mathematics]
    return 2 * len(codes) > len(taxonomy)


def guide_file(root: Path, config: ProjectConfig) -> Path | None:
    """The file of domain.guide, where one is set."""
    return root / config.domain.guide if config.domain.guide else None


def read_guide(path: Path) -> str:
    """The text of a guide file. Raises ConfigError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"domain.guide = {path.name!r} cannot be read: {why}", hint=f"write the guide to {path}, or delete guide"
        ) from None
    if not text:
        raise ConfigError(f"domain.guide = {path.name!r} is empty", hint=f"write the guide to {path}, or delete guide")
    return text


def contradictions(project: Project, taxonomy: Taxonomy) -> list[str]:
    """What is wrong with a project's words, each with what to edit; [] where nothing is.

    Raises:
        ConfigError: the guide file cannot be read.
    """
    config, origin = project.config, project.resolved.origin
    domain, found = config.domain, list[str]()
    states = any(origin(f"domain.{key}").startswith("prefopt.toml:") for key in ("subject", "item", "label", "framework"))
    if domain.is_default and not states and not is_mathematics(taxonomy):
        found.append(f"model and teachers read of {domain.thing} and {domain.label}, and few labels are of that curriculum: {_ADVICE}")
    if is_mathematics(taxonomy) and domain.subject and domain.subject.casefold() not in ("수학", "mathematics", "math", "maths"):
        found.append(f"most labels are of the mathematics curriculum, and domain.subject is {domain.subject}: {_ADVICE}")
    texts = {"prompt.instructions": config.prompt.instructions, "prompt.question": config.prompt.question, "domain.example": domain.example}
    if (path := guide_file(project.root, config)) is not None:
        texts["domain.guide"] = read_guide(path)
    for key, text in texts.items():
        if words := foreign_words(text, domain):
            of = f"{domain.thing}, {domain.label}"
            found.append(f"{key} says {', '.join(words)}, and [domain] says {of}: edit {key}, or {_ADVICE}")
    if words := foreign_words(config.answer.label_key.replace("_", " "), domain):
        found.append(f"answer.label_key is {words[0]}, and [domain] calls a label {domain.label}: set label_key under [answer]")
    if config.project.language != domain.language and origin("domain.language") == "default":
        read = {"ko": "Korean", "en": "English"}[domain.language]
        found.append(f"project.language is {config.project.language}, and teachers read {read}: set language under [domain]")
    return found
