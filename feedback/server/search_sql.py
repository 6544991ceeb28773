# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Argilla's search filters, text queries and orders as SQLAlchemy expressions over the server's own SQLite tables.

Responses, suggestions, metadata and fields are JSON columns; SQLite's json_each and json_tree read them in place.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import search_texts
from argilla_server.enums import RecordStatus, ResponseStatus, SortOrder
from argilla_server.models import Dataset, Question, Record, Response, Suggestion
from argilla_server.search_engine import (
    AndFilter,
    Filter,
    MetadataFilterScope,
    Order,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
    TextQuery,
)
from sqlalchemy import String, and_, case, cast, false, func, not_, or_, select, true


def where(dataset: Dataset, query: TextQuery | str | None, filter: Filter | None):
    """Condition for the records of a dataset that a search returns."""
    conditions = [Record.dataset_id == dataset.id]
    if query is not None:
        conditions.append(matches_text(dataset, query))
    if filter is not None:
        conditions.append(passes(filter))
    return and_(*conditions)


def matches_text(dataset: Dataset, query: TextQuery | str):
    """Condition: every word and "phrase" of the query occurs in a field; with a leading minus, it must not."""
    query = TextQuery(q=query) if isinstance(query, str) else query
    needles = _needles(query.q)
    if not needles:
        return true()
    quick = search_texts.condition(dataset, query.field, needles)
    if quick is not None:
        return quick
    names = [query.field] if query.field else [field.name for field in dataset.fields if not field.is_image]
    conditions = []
    for is_unwanted, spellings in needles:
        occurs = or_(false(), *[_field_holds(name, spelling) for name in names for spelling in spellings])
        conditions.append(not_(occurs) if is_unwanted else occurs)
    return and_(true(), *conditions)


def _needles(words: str) -> list[tuple[bool, list[str]]]:
    """For each word or phrase of a query, whether it must not occur, and the spellings in which it may be stored."""
    words = unicodedata.normalize("NFC", words)  # some keyboards send a syllable as separate letters; problems are stored as syllables
    needles = []
    for minus, phrase, word in re.findall(r'(-?)(?:"([^"]+)"|([^\s"]+))', words):
        needle = (phrase or word.rstrip("*")).strip()
        if not needle or needle in "+|()":
            continue
        # a text like "<보기>" is stored escaped, as the page needs it
        needles.append((bool(minus), list(dict.fromkeys((needle, html.escape(needle).replace("$", "&#36;"))))))
    return needles


def _field_holds(name: str, needle: str):
    tree = func.json_tree(Record.fields, _path(name)).table_valued("key", "value", "type")
    return (
        select(tree.c.value)
        .where(tree.c.type.in_(["text", "integer", "real"]))
        .where(func.coalesce(tree.c.key, "").not_in(["role", "image"]))  # no part of the text: roles of a chat, bytes of a figure
        .where(cast(tree.c.value, String).contains(needle, autoescape=True))
        .correlate(Record)
        .exists()
    )


def passes(filter: Filter):
    """Condition for a filter; raises ValueError for a scope that Argilla does not define."""
    if isinstance(filter, AndFilter):
        return and_(true(), *[passes(part) for part in filter.filters])
    scope = filter.scope
    if isinstance(scope, RecordFilterScope):
        return _record_passes(filter)
    if isinstance(scope, MetadataFilterScope):
        each = json_items(Record.metadata_, scope.metadata_property)
        return select(each.c.value).where(_value_passes(each.c.value, filter)).correlate(Record).exists()
    if isinstance(scope, SuggestionFilterScope):
        return _suggestions(scope, filter).correlate(Record).exists()
    if isinstance(scope, ResponseFilterScope):
        return _response_passes(filter)
    raise ValueError(f"cannot filter by {scope}")


def _record_passes(filter: TermsFilter | RangeFilter):
    name = _name(filter.scope.property)
    column = getattr(Record, name)
    is_date = name in ("inserted_at", "updated_at")
    if isinstance(filter, RangeFilter):
        low, high = (_naive_utc(bound) if is_date and bound is not None else bound for bound in (filter.ge, filter.le))
        return and_(true(), *([column >= low] if low is not None else []), *([column <= high] if high is not None else []))
    if name == "id":
        return column.in_([UUID(value) for value in filter.values if re.fullmatch(r"[0-9a-fA-F-]{32,36}", value)])
    if name == "status":
        return column.in_(_members(RecordStatus, filter.values))
    return column.in_([_naive_utc(value) for value in filter.values] if is_date else list(filter.values))


def _response_passes(filter: TermsFilter | RangeFilter):
    scope = filter.scope
    responses = select(Response.id).where(Response.record_id == Record.id)
    if scope.user is not None:
        responses = responses.where(Response.user_id == scope.user.id)
    if scope.question:
        each = json_items(Response.values, scope.question, "value")
        return responses.join(each, true()).where(_value_passes(each.c.value, filter)).correlate(Record).exists()
    if str(scope.property) != "status" or not isinstance(filter, TermsFilter):
        raise ValueError(f"cannot filter by {scope}")
    wanted = [_name(value) for value in filter.values]
    options = [responses.where(Response.status.in_(_members(ResponseStatus, wanted))).correlate(Record).exists()]
    if "pending" in wanted:  # not a status of a response: pending means that there is none
        options.append(not_(responses.correlate(Record).exists()))
    return or_(*options)


def _suggestions(scope: SuggestionFilterScope, filter=None, aggregate=None):
    name = _name(scope.property)
    rows = (
        select(Suggestion.id)
        .join(Question, Question.id == Suggestion.question_id)
        .where(Suggestion.record_id == Record.id, Question.name == scope.question)
    )
    if name in ("agent", "type"):
        value = cast(getattr(Suggestion, name), String)
    else:
        each = json_items(getattr(Suggestion, name))
        rows, value = rows.join(each, true()), each.c.value
    if filter is not None:
        rows = rows.where(_value_passes(value, filter))
    return rows if aggregate is None else rows.with_only_columns(aggregate(value))


def ordered(order: Order):
    """ORDER BY expression; records without the value come last."""
    scope = order.scope
    if isinstance(scope, RecordFilterScope):
        value = getattr(Record, _name(scope.property))
    elif isinstance(scope, MetadataFilterScope):
        each = json_items(Record.metadata_, scope.metadata_property)
        value = select(func.min(each.c.value)).correlate(Record).scalar_subquery()
    elif isinstance(scope, SuggestionFilterScope):
        value = _suggestions(scope, aggregate=_mean_or_least).correlate(Record).scalar_subquery()
    elif isinstance(scope, ResponseFilterScope):
        value = _response_value(scope).correlate(Record).scalar_subquery()
    else:
        raise ValueError(f"cannot sort by {scope}")
    return (value.asc() if order.order == SortOrder.asc else value.desc()).nulls_last()


def _response_value(scope: ResponseFilterScope):
    rows = select(Response.id).where(Response.record_id == Record.id)
    if scope.user is not None:
        rows = rows.where(Response.user_id == scope.user.id)
    if not scope.question:
        return rows.with_only_columns(func.min(cast(Response.status, String)))
    each = json_items(Response.values, scope.question, "value")
    return rows.join(each, true()).with_only_columns(_mean_or_least(each.c.value))


def json_items(column, *names: str):
    """Rows of a JSON value below `names`: one per item of a list, one for a scalar, none if it is missing."""
    return func.json_each(column, _path(*names)).table_valued("key", "value", "type")


def _path(*names: str) -> str:
    return "$" + "".join('."{}"'.format(name.replace('"', "")) for name in names)


def _name(value: Any) -> str:
    return str(getattr(value, "value", value))


def _members(enum, values: Iterable[Any]) -> list:
    known = {member.value for member in enum}
    return [enum(str(value)) for value in values if str(value) in known]


def _naive_utc(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _value_passes(value, filter: TermsFilter | RangeFilter):
    if isinstance(filter, TermsFilter):
        return cast(value, String).in_([str(wanted) for wanted in filter.values])
    low = [value >= filter.ge] if filter.ge is not None else []
    high = [value <= filter.le] if filter.le is not None else []
    return and_(true(), *low, *high)


def _mean_or_least(value):
    return case((func.max(func.typeof(value)).in_(["integer", "real"]), func.avg(value)), else_=func.min(value))
