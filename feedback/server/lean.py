# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Work that argilla-server 2.8.0 does for every record and answer although nobody asked for it, left out.

Events: for each record pushed and each answer given it loads the dataset with all its relations and writes an event for webhooks, and then
finds that there are no webhooks. Settings: for each value it checks it builds pydantic's validator anew. Together more than half of the
time of a push and a third of a submission. Hub: imports from and exports to the Hugging Face hub need datasets and pandas, 100 MB and two
seconds at each start, and the hub is offline here. Elasticsearch and OpenSearch: their clients are another quarter of the start.
"""

from __future__ import annotations

import sys
import types

UNUSED = {
    "argilla_server.contexts.hub": ("HubDataset", "HubDatasetExporter"),
    "argilla_server.search_engine.elasticsearch": ("ElasticSearchEngine",),
    "argilla_server.search_engine.opensearch": ("OpenSearchEngine",),
}
"""Modules and the names that others import from them; a call of one of these fails, and none is called here."""


def leave_out_unused() -> None:
    """Call before argilla_server is imported."""
    for name, exported in UNUSED.items():
        module = types.ModuleType(name)
        for each in exported:
            setattr(module, each, None)
        sys.modules[name] = module


def leave_out_repeats() -> None:
    """Call after argilla_server is imported. Raises AttributeError or KeyError where a place is not found: then this is another Argilla."""
    _build_validators_once()
    _write_events_for_webhooks_only()


def _build_validators_once() -> None:
    from argilla_server.models import database
    from pydantic import TypeAdapter

    for model, settings in (
        (database.Question, database.QuestionSettings),
        (database.MetadataProperty, database.MetadataPropertySettings),
    ):
        validator = TypeAdapter(settings)
        model.__dict__["parsed_settings"]  # the place to change
        model.parsed_settings = property(lambda row, validator=validator: validator.validate_python(row.settings))


def _write_events_for_webhooks_only() -> None:
    from argilla_server.contexts import webhooks
    from argilla_server.webhooks.v1 import records, responses

    for module, name in ((records, "build_record_event"), (responses, "build_response_event")):
        build = getattr(module, name)

        async def build_if_heard(db, event, row, build=build):
            return await build(db, event, row) if await webhooks.list_enabled_webhooks(db) else Unheard()

        setattr(module, name, build_if_heard)


class Unheard:
    """An event that nobody is told of."""

    async def notify(self, db) -> list:
        return []
