# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""What a teacher's account may read: the slates, the own answers and counts; not what is hidden, nor what or how much others answered.

argilla-server 2.8.0 hides a metadata property from annotators in its lists, but lets them filter and sort by it, and its page of a single
record has all metadata and everybody's answers. Each route here takes the place of the server's own.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from argilla_server.api.handlers.v1.datasets import records as search_handlers
from argilla_server.api.policies.v1 import DatasetPolicy, RecordPolicy, ResponsePolicy, authorize
from argilla_server.api.schemas.v1.datasets import UsersProgress
from argilla_server.api.schemas.v1.records import MetadataFilterScope
from argilla_server.api.schemas.v1.records import Record as RecordSchema
from argilla_server.api.schemas.v1.users import User as UserSchema
from argilla_server.contexts import datasets
from argilla_server.database import get_async_db
from argilla_server.errors import ForbiddenOperationError
from argilla_server.models import Dataset, MetadataProperty, Record, User
from argilla_server.security import auth
from closed_rounds import is_closed
from fastapi import Depends, Security
from fastapi.dependencies.utils import get_parameterless_sub_dependant
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

OPEN = {("POST", "/token")}
"""The only route of the interface that answers without an account."""
REMOVED = ("/docs", "/redoc", "/oauth2/", "/settings")
"""Pages and sign-in with other services, which prefopt does not use; and constants that gate.py answers."""

Account = Annotated[User, Security(auth.get_current_user)]
Database = Annotated[AsyncSession, Depends(get_async_db)]

_get_search_responses = search_handlers._get_search_responses


def install(app, api) -> None:
    """Change the routes of the interface `api` and of the whole application `app`."""
    search_handlers._get_search_responses = get_search_responses
    ResponsePolicy.update = ResponsePolicy.delete = change_response
    for path, endpoint in ROUTES.items():
        _drop(api, path, "GET")
        api.get(path)(endpoint)
    api.router.routes[:] = [route for route in api.router.routes if not route.path.startswith(REMOVED)]
    app.router.routes[:] = [route for route in app.router.routes if route.path not in ("/docs", "/api", "/openapi.json")]
    _drop(api, "/openapi.json", "GET")
    api.get("/openapi.json", include_in_schema=False)(schema_for(api))
    deny_by_default(api)


def deny_by_default(api) -> None:
    """Let every route ask for an account, except those in OPEN: also those that argilla-server leaves open, and any that comes later."""
    for route in api.router.routes:
        methods = getattr(route, "methods", None) or set()
        if all((method, route.path) in OPEN for method in methods) or _asks_for_account(route.dependant):
            continue
        account = get_parameterless_sub_dependant(depends=Security(auth.get_current_user), path=route.path_format)
        route.dependant.dependencies.insert(0, account)


def _asks_for_account(dependant) -> bool:
    return dependant.call == auth.get_current_user or any(_asks_for_account(part) for part in dependant.dependencies)


def _drop(api, path: str, method: str) -> None:
    kept = [route for route in api.router.routes if not (route.path == path and method in (getattr(route, "methods", None) or ()))]
    if len(kept) == len(api.router.routes):
        raise RuntimeError(f"argilla-server has no route {method} {path}: another version?")
    api.router.routes[:] = kept


async def get_search_responses(db, search_engine, dataset, limit, offset, search_records_query=None, user=None):
    """As in argilla-server; refuses filters and orders by metadata that the account may not see."""
    if user is not None and search_records_query is not None:
        filters = search_records_query.filters.and_ if search_records_query.filters else []
        for part in (*filters, *(search_records_query.sort or [])):
            if isinstance(part.scope, MetadataFilterScope) and not user.is_owner:
                hidden = await MetadataProperty.get_by(db, name=part.scope.metadata_property, dataset_id=dataset.id)
                if hidden is None or user.role not in hidden.allowed_roles:
                    raise ForbiddenOperationError
    return await _get_search_responses(
        db, search_engine, dataset, limit=limit, offset=offset, search_records_query=search_records_query, user=user
    )


def change_response(response):
    """Policy: a teacher who was removed from the workspace can no longer change or delete answers given there, and nobody but an owner
    those of a closed round."""

    async def is_allowed(actor: User) -> bool:
        if actor.is_owner:
            return True
        dataset = response.record.dataset
        return (actor.is_admin or actor.id == response.user_id) and not is_closed(dataset) and await actor.is_member(dataset.workspace_id)

    return is_allowed


async def get_me(current_user: Account) -> UserSchema:
    """The account. A teacher's page needs no API key, which would outlive the session, so it is left out."""
    shown = UserSchema.model_validate(current_user)
    return shown if current_user.is_owner else shown.model_copy(update={"api_key": ""})


async def get_record(record_id: UUID, db: Database, current_user: Account):
    """A record; for a teacher without hidden metadata and without the answers of others."""
    with_all = [selectinload(Record.dataset).selectinload(Dataset.metadata_properties)]
    with_all += [selectinload(part) for part in (Record.suggestions, Record.responses, Record.vectors)]
    record = await Record.get_or_raise(db, record_id, options=with_all)
    await authorize(current_user, RecordPolicy.get(record))
    shown = RecordSchema.model_validate(record)
    if not (current_user.is_owner or current_user.is_admin):
        shown.metadata = await search_handlers._filter_record_metadata_for_user(record, current_user)
        shown.responses = [response for response in shown.responses or [] if response.user_id == current_user.id]
    return JSONResponse(jsonable_encoder(shown))


async def get_users_progress(dataset_id: UUID, db: Database, current_user: Account) -> UsersProgress:
    """Counts by account; a teacher sees the own ones."""
    dataset = await Dataset.get_or_raise(db, dataset_id)
    await authorize(current_user, DatasetPolicy.get(dataset))
    progress = await datasets.get_dataset_users_progress(db, dataset)
    if not (current_user.is_owner or current_user.is_admin):
        progress = [each for each in progress if each["username"] == current_user.username]
    return UsersProgress(users=progress)


def schema_for(api):
    """The description of the interface, for the owner alone."""

    async def get_schema(current_user: Account):
        if not current_user.is_owner:
            raise ForbiddenOperationError
        return JSONResponse(api.openapi())

    return get_schema


ROUTES = {"/me": get_me, "/records/{record_id}": get_record, "/datasets/{dataset_id}/users/progress": get_users_progress}
