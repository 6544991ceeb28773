# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Skips work that argilla-server 2.8.0 does for every record and answer without need, and modules that nothing calls here.

Events: for each record and each answer, the server loads the dataset with all its relations and builds an event for webhooks before it
finds that there are none. Settings: it rebuilds pydantic's validator for each value that it checks. Together these take more than half of
the time of a push and a third of a submission. Hub: import from and export to the Hugging Face hub need datasets and pandas (100 MB, two
seconds at each start), and the hub is offline here. Elasticsearch and OpenSearch: their clients take another quarter of the start. Login
by other sites: argilla-server would read .oauth.yaml in the folder in which it was started. What only these modules need is not installed:
code that is not there has no faults that somebody could use.
"""

from __future__ import annotations

import sys
import types


class NoLoginElsewhere:
    """argilla-server's settings of logins by other sites: there are none."""

    def __init__(self) -> None:
        self.providers: dict[str, object] = {}
        self.allowed_workspaces: list[object] = []


UNUSED = {
    "argilla_server.contexts.hub": {"HubDataset": None, "HubDatasetExporter": None},
    "argilla_server.search_engine.elasticsearch": {"ElasticSearchEngine": None},
    "argilla_server.search_engine.opensearch": {"OpenSearchEngine": None},
    "argilla_server.security.authentication.oauth2": {"OAuth2ClientProvider": None, "OAuth2Settings": NoLoginElsewhere},
    "argilla_server.security.authentication.oauth2.settings": {"OAuth2Settings": NoLoginElsewhere},
    "huggingface_hub": {},
    "huggingface_hub.utils": {"send_telemetry": None},
}
"""Modules, and the names that others import from them, each with what stands in its place."""


def leave_out_unused() -> None:
    """Call before argilla_server is imported."""
    for name, exported in UNUSED.items():
        module = types.ModuleType(name)
        module.__dict__.update(exported)
        sys.modules[name] = module


def leave_out_repeats() -> None:
    """Call after argilla_server is imported. Raises AttributeError or KeyError if a patched name is missing (another Argilla version)."""
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
        model.__dict__["parsed_settings"]  # raises KeyError if the property to replace is missing
        model.parsed_settings = property(lambda row, validator=validator: validator.validate_python(row.settings))


def _write_events_for_webhooks_only() -> None:
    from argilla_server.contexts import webhooks
    from argilla_server.webhooks.v1 import records, responses

    for module, name in ((records, "build_record_event"), (responses, "build_response_event")):
        build = getattr(module, name)

        async def build_if_subscribed(db, event, row, build=build):
            return await build(db, event, row) if await webhooks.list_enabled_webhooks(db) else NoEvent()

        setattr(module, name, build_if_subscribed)


class NoEvent:
    """An event without subscribers."""

    async def notify(self, db) -> list:
        return []
