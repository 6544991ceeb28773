# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""A search engine for argilla-server that queries the server's own SQLite database, without a second index.

The server commits to SQL before it calls its engine, so every writing method does nothing, and results always agree with the data.
Imported before the app starts, with ARGILLA_SEARCH_ENGINE=embedded.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import search_sql
from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import Record, Response, Vector
from argilla_server.search_engine import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
)
from argilla_server.settings import settings
from sqlalchemy import Select, String, cast, func, select, text, true
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

CONNECTIONS = 4
_engine = create_async_engine(
    settings.database_url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=60, hide_parameters=True, **settings.database_engine_args
)
SearchSession = async_sessionmaker(bind=_engine)
"""A separate pool for searches: a request that waits for a search already holds a connection, so one pool for both could deadlock."""


@SearchEngine.register(engine_name="embedded")
class EmbeddedSearchEngine(SearchEngine):
    """argilla-server's SearchEngine interface; parameters and results are documented there."""

    @classmethod
    async def new_instance(cls) -> EmbeddedSearchEngine:
        if not settings.database_is_sqlite:
            raise ValueError("the embedded search engine needs a SQLite database")
        return cls()

    async def close(self):
        pass

    async def ping(self) -> bool:
        return await _scalar("SELECT json_valid('{}')") == 1

    async def info(self) -> dict:
        return {"name": "embedded", "version": {"distribution": "sqlite", "number": await _scalar("SELECT sqlite_version()")}}

    async def _written(self, *args, **kwargs) -> None:
        """The SQL database already holds it."""

    create_index = delete_index = configure_metadata_property = configure_index_vectors = _written
    index_records = partial_record_update = delete_records = _written
    update_record_response = delete_record_response = update_record_suggestion = delete_record_suggestion = _written

    async def get_dataset_progress(self, dataset) -> dict:
        if dataset.is_draft:
            return {}
        return await _counts(select(Record.status, func.count()).where(Record.dataset_id == dataset.id).group_by(Record.status))

    async def get_dataset_user_progress(self, dataset, user) -> dict:
        if dataset.is_draft:
            return {}
        return await _counts(
            select(Response.status, func.count())
            .join(Record, Record.id == Response.record_id)
            .where(Record.dataset_id == dataset.id, Response.user_id == user.id)
            .group_by(Response.status)
        )

    async def compute_metrics_for(self, metadata_property):
        each = search_sql.json_items(Record.metadata_, metadata_property.name)
        of_dataset = Record.dataset_id == metadata_property.dataset_id
        if metadata_property.type == MetadataPropertyType.terms:
            counts = select(cast(each.c.value, String), func.count()).select_from(Record).join(each, true()).where(of_dataset)
            rows = await _rows(counts.group_by(each.c.value).order_by(func.count().desc(), each.c.value))
            terms = [TermsMetrics.TermCount(term=term, count=count) for term, count in rows]
            return TermsMetrics(total=sum(count for _, count in rows), values=terms)
        bounds = select(func.min(each.c.value), func.max(each.c.value)).select_from(Record).join(each, true())
        low, high = (await _rows(bounds.where(of_dataset)))[0]
        is_integer = metadata_property.type == MetadataPropertyType.integer
        return (IntegerMetadataMetrics if is_integer else FloatMetadataMetrics)(min=low, max=high)

    async def search(self, dataset, query=None, filter=None, sort=None, offset=0, limit=100, user_id=None) -> SearchResponses:
        """Records of a dataset that match, one page of them, with their total number.

        Args:
            dataset: the dataset whose records are searched.
            query: words or a TextQuery; None matches every record.
            filter: a condition on statuses, metadata, responses or suggestions; None matches every record.
            sort: orders, the first one first; None shuffles for a user, and otherwise keeps the order of insertion.
            offset: matching records to skip.
            limit: most records to return.
            user_id: not in the abstract method, but passed by the server: each teacher gets their own shuffled order.
        """
        condition = search_sql.where(dataset, query, filter)
        order = [search_sql.ordered(part) for part in sort or []]
        if not order and user_id:
            order = [_shuffle(user_id)]
        order += [Record.inserted_at.asc(), Record.id.asc()]
        page, count = select(Record.id).where(condition).order_by(*order).offset(offset).limit(limit), func.count()
        if query is None:
            rows, total = [id for (id,) in await _rows(page)], None
        else:  # reading the texts is what takes time, so they are read once
            found = await _rows(page.add_columns(count.over()))
            rows, total = [id for id, _ in found], found[0][1] if found else 0 if offset == 0 and limit else None
        if total is None:
            (total,) = (await _rows(select(count).select_from(Record).where(condition)))[0]
        score = None if sort else 1.0
        return SearchResponses(items=[SearchResponseItem(record_id=id, score=score) for id in rows], total=total)

    async def similarity_search(
        self,
        dataset,
        vector_settings,
        value=None,
        record=None,
        query=None,
        filter=None,
        max_results=100,
        order=SimilarityOrder.most_similar,
        threshold=None,
    ) -> SearchResponses:
        """Records by cosine similarity to a vector or to a record's vector, scaled to [0, 1].

        Args:
            dataset: the dataset whose records are searched.
            vector_settings: which of the records' vectors is compared.
            value: the vector; None takes that of `record`.
            record: the record whose vector is compared; it is not returned itself.
            query: as in search.
            filter: as in search.
            max_results: most records to return.
            order: most or least similar first.
            threshold: smallest score to return.
        """
        target = value or (record and record.vector_value_by_vector_settings(vector_settings))
        if not target:
            raise ValueError("a vector, or a record with one, is required")
        sign = -1.0 if order == SimilarityOrder.least_similar else 1.0
        condition = search_sql.where(dataset, query, filter)
        vectors = select(Record.id, Vector.value).join(Vector, Vector.record_id == Record.id)
        rows = await _rows(vectors.where(condition, Vector.vector_settings_id == vector_settings.id))
        scored = [
            SearchResponseItem(record_id=id, score=(1 + sign * _cosine(target, vector)) / 2)
            for id, vector in rows
            if record is None or id != record.id
        ]
        scored.sort(key=lambda item: -item.score)
        kept = [item for item in scored[:max_results] if threshold is None or item.score >= threshold]
        return SearchResponses(items=kept, total=min(len(scored), max_results))


def _shuffle(user_id):
    """A fixed order per teacher: eight hex digits of each record's random id, from a position chosen by the teacher's id."""
    start = 1 + int(hashlib.sha256(str(user_id).encode()).hexdigest(), 16) % 24
    return func.substr(cast(Record.id, String), start, 8)


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / (norm or 1.0)


async def _rows(query: Select) -> list:
    async with SearchSession() as db:
        return list((await db.execute(query)).all())


async def _scalar(statement: str):
    async with SearchSession() as db:
        return (await db.execute(text(statement))).scalar_one()


async def _counts(query: Select) -> dict:
    counts = {str(getattr(status, "value", status)): count for status, count in await _rows(query)}
    return {"total": sum(counts.values()), **counts}
