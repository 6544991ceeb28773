"""The first two pages as the template shows them."""

from __future__ import annotations

from typing import Any

from prefopt.report import charts, heat, tables
from prefopt.report.contents import ReportContents
from prefopt.report.wording import first_screen, fitness, sections
from prefopt.report.wording.fixed import TEXTS
from prefopt.report.wording.say import Say
from prefopt.report.wording.warnings import warning_sentences

_TONES = {"fit": "promoted", "not_fit": "rejected", "cannot_tell": "held", "no_goals": "held"}


def lead_view(contents: ReportContents) -> dict[str, Any]:
    """Names of the template and their values."""
    row, lead = contents.current, contents.lead
    calibration = row.calibration
    parents = [past.outcome for past in contents.history if past.round == row.parent]
    start, why = first_screen.next_round(row, "rejected" not in parents and "held" not in parents)
    mixed = lead is not None and lead.fitness.answered_by == "mixture"
    tiles = [
        (_alone(TEXTS["changed"], mixed), first_screen.change_tile(row)),
        (_alone(TEXTS["sure"], mixed), first_screen.sure_tile(calibration)),
    ]
    if lead is None:
        tiles.append((TEXTS["unread"], first_screen.accept_tile(calibration)))
    else:
        tiles.insert(0, (TEXTS["next_round"], first_screen.Tile(start, why, "plain")))
    return {
        "headline": start if lead is None else fitness.headline(lead.fitness),
        "consequence": why if lead is None else fitness.summary(lead.fitness),
        "tone": row.outcome if lead is None else _TONES[lead.fitness.verdict],
        "goals": () if lead is None else fitness.goal_lines(lead.fitness),
        "facts": fitness.facts(contents),
        "today": () if lead is None else fitness.today_lines(lead.fitness),
        "steps": fitness.next_steps(contents),
        "overruled": None if row.overruled is None else first_screen.overruled(row, row.overruled),
        "elsewhere": first_screen.elsewhere(contents),
        "accuracy": first_screen.accuracy_tile(contents),
        "dots": charts.dots(calibration.accuracy if lead is None else lead.fitness.accuracy),
        "tiles": tuple(tiles),
        "trend_accuracy": charts.trend_chart(contents.history, "accuracy", 0.0 if lead is None else lead.goal, in_use=True),
        "trend_mixed": _mixed_points(contents),
        "accept": charts.accept_chart(calibration),
        "heats": () if lead is None else heat.heat_tables(lead.fitness),
        "unjudged": sections.unjudged_sentence(calibration),
        "moved": _moved(contents),
        "warning_sentences": warning_sentences(contents),
    }


def _mixed_points(contents: ReportContents) -> Say | None:
    """Which points of the trend are not the model's own answers, so that no rise by the classifier is taken for one by teaching."""
    mixed = [f"{row.round:03d}" for row in contents.history if row.calibration.in_use is not row.calibration]
    if not mixed:
        return None
    names = ", ".join(mixed)
    return Say(
        f"{names}의 점은 TF-IDF를 섞은 답입니다. 모델만의 정확도는 부록의 라운드 표에 있습니다.",
        f"The points of {names} are of answers mixed with TF-IDF's; the model's own accuracy is with the table of rounds in the appendix.",
    )


def _alone(title: Say, mixed: bool) -> Say:
    """A title, with a note that the figure is of the adapter alone where answers are mixed."""
    return Say(f"{title.ko} (섞기 전 모델만)", f"{title.en} (the model alone)") if mixed else title


def _moved(contents: ReportContents) -> tuple[tuple[Say, tuple[tables.ProblemView, ...]], ...]:
    lead = contents.lead
    if lead is None:
        return ()
    right, wrong = tables.moved_views(contents)
    titles = ("are_right", "are_wrong") if lead.moves.parent is None else ("now_right", "now_wrong")
    counts = (len(lead.moves.right), len(lead.moves.wrong))
    return tuple(
        (Say(f"{TEXTS[name].ko} ({count:,})", f"{TEXTS[name].en} ({count:,})"), views)
        for name, count, views in zip(titles, counts, (right, wrong), strict=True)
    )
