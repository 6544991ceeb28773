"""The doors of `prefopt serve`: HTTP over a Service."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import prefopt
from prefopt.errors import DataError, ModelError, PrefoptError
from prefopt.faults import as_prefopt_error
from prefopt.records import Problem
from prefopt.serve.chat import complete
from prefopt.serve.queue import queue_csv
from prefopt.serve.records import ServedPrediction
from prefopt.serve.service import Asked, NotRecordedError, Service, UnavailableError, UnknownPredictionError
from prefopt.serve.wire import ChatIn, ClassifyIn, ClassifyOut, CorrectionIn, CorrectionOut, Fault, FaultOut, PredictionOut

LARGEST = 64 * 2**20
"""Bytes of a request."""
_FAULTS: dict[int | str, dict[str, Any]] = {status: {"model": FaultOut} for status in (400, 401, 413, 422, 500, 503, 507)}

_OF_WORDS: dict[int | str, dict[str, Any]] = _FAULTS | {200: {"model": CorrectionOut}, 404: {"model": FaultOut}}


class RefusedError(Exception):
    """A request that gets a fault in place of what it asks for."""

    def __init__(self, status: int, fault: Fault, headers: dict[str, str] | None = None) -> None:
        super().__init__(fault.message)
        self.status, self.fault, self.headers = status, fault, headers


def make_app(service: Service, keys: Sequence[str], host: str) -> FastAPI:
    """The application.

    Args:
        service: answers.
        keys: any of them opens the doors; none: they are open, to this machine alone.
        host: the address that is listened on.
    """

    async def admitted(request: Request) -> None:
        name = request.url.hostname
        if not keys and name not in ("127.0.0.1", "localhost", "::1", host):  # a page in a browser must not reach it under another name
            what, hint = (
                f"without a key only this machine is answered, and the request is for {name!r}",
                "set PREFOPT_SERVE_KEY on the server",
            )
            raise RefusedError(400, Fault(message=what, type="invalid_request_error", hint=hint))
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip().encode()
        if keys and not any(hmac.compare_digest(given, key.encode()) for key in keys):
            what = "the key is wrong" if given else "a key is missing"
            hint = "send the header Authorization: Bearer KEY"
            raise RefusedError(401, Fault(message=what, type="authentication_error", hint=hint), {"WWW-Authenticate": "Bearer"})

    app = FastAPI(title="prefopt", version=prefopt.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    _doors(app, service, [Depends(admitted)])
    _open_doors(app, service)
    _words(app)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(admitted)])
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    app.add_middleware(_Measured, service=service)
    return app


def _doors(app: FastAPI, service: Service, guarded: list[Any]) -> None:
    @app.post("/v1/classify", dependencies=guarded, responses=_FAULTS, response_model=ClassifyOut)
    async def classify(asked: ClassifyIn) -> Response:
        """Classify problems: a label each, with its probability, a set of labels, and whether to accept it or have it reviewed."""
        start = time.perf_counter()
        rows = await _answers(service, [Asked(Problem(id=p.id, text=p.text), asked.client) for p in asked.problems])
        found = ClassifyOut(predictions=tuple(map(PredictionOut.of, rows)), seconds=time.perf_counter() - start)
        return Response(
            found.model_dump_json(), media_type="application/json"
        )  # valid already; to check it again costs as much as all else

    @app.post("/v1/corrections", dependencies=guarded, status_code=201, responses=_OF_WORDS)
    async def correct(given: CorrectionIn, response: Response) -> CorrectionOut:
        """A teacher's word on an answer: the right label, the label that was answered to confirm it, or null where none is right."""
        _refuse_unready(service)
        try:
            word, is_new = await asyncio.to_thread(service.correct, given.prediction, given.label, given.by, given.seen)
        except UnknownPredictionError:
            what = f"no answer has the id {given.prediction}"
            raise RefusedError(404, Fault(message=what, type="not_found_error", param="prediction")) from None
        except DataError as error:
            raise RefusedError(422, _fault(error, "invalid_request_error", "label")) from None
        except NotRecordedError as error:
            raise RefusedError(507, _unrecorded(error)) from None
        response.status_code = 201 if is_new else 200
        return CorrectionOut(**{name: getattr(word, name) for name in CorrectionOut.model_fields})

    @app.post("/v1/chat/completions", dependencies=guarded, responses=_FAULTS | {404: {"model": FaultOut}})
    async def chat(asked: ChatIn) -> Any:
        """Classify the last user message; the content of the reply is the answer's JSON, and `prefopt` the whole answer."""
        _refuse_unready(service)
        known = _models(service)
        if asked.model not in known:
            what, hint = f"there is no model {asked.model!r}", f"there are: {', '.join(known)}"
            raise RefusedError(404, Fault(message=what, type="invalid_request_error", param="model", code="model_not_found", hint=hint))
        try:
            problem = ClassifyIn.model_validate({"problems": [{"id": "message", "text": asked.problem}], "client": asked.user or ""})
        except ValueError:
            what = "the last user message is empty or longer than a problem may be"
            raise RefusedError(422, Fault(message=what, type="invalid_request_error", param="messages")) from None
        (row,) = await _answers(service, [Asked(Problem(id="message", text=problem.problems[0].text), problem.client)])
        return complete(asked, row, service)

    @app.get("/v1/models", dependencies=guarded)
    async def models() -> dict[str, Any]:
        """What answers: the adapter in use, by its id and by the project's name."""
        loaded = service.current
        about = {"object": "model", "owned_by": "prefopt", "created": 0, "round": None if loaded is None else loaded.round}
        return {"object": "list", "data": [{"id": name, **about} for name in _models(service)]}

    @app.get("/metrics", dependencies=guarded)
    async def metrics() -> Response:
        """For Prometheus."""
        service.refresh()
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/queue.csv", dependencies=guarded)
    async def queue(days: int = 30) -> Response:
        """What teachers should look at, of the last days: audited problems, without the answer, then the least confident answers."""
        text = await asyncio.to_thread(queue_csv, service.journal.folder, max(1, days), service.names)
        return Response(text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="queue.csv"'})


def _open_doors(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "Not ready, and why."}})
    async def readyz() -> Response:
        """Whether the adapter in use answers, and is what it was when it was judged."""
        loaded = service.current
        if loaded is None or (fault := service.fault or service.engine.fault):
            return JSONResponse({"ready": False, "why": service.fault if loaded is None else fault}, 503)
        about = {"adapter": loaded.policy.adapter_id, "round": loaded.round, "accepting": service.watch is None or service.watch.accepting}
        about |= {"engine": loaded.predictor.server} if loaded.predictor.server else {}
        about |= {"not_checked": service.not_checked} if service.not_checked else {}
        return JSONResponse({"ready": True, **about, **({"swap_failed": service.swap_fault} if service.swap_fault else {})})


def _words(app: FastAPI) -> None:
    """Every fault as JSON of one shape."""

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return _reply(error.status, error.fault, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return _reply(422, _first(error))

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        what = f"{request.method} {request.url.path}: {error.detail}"
        return _reply(error.status_code, Fault(message=what, type="invalid_request_error"), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        found = as_prefopt_error(error)
        return _reply(500, _fault(found, "server_error"))


class _Measured:
    """Counts and times every request, and refuses those whose size is not known or too large to be read."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._metrics = app, service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await (self._app if _has_size(Headers(scope=scope)) else _TOO_LARGE)(scope, receive, noted)
        finally:
            path = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - start)


def _has_size(headers: Headers) -> bool:
    size = headers.get("content-length", "0")
    return size.isdecimal() and int(size) <= LARGEST and "transfer-encoding" not in headers


def _reply(status: int, fault: Fault, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": fault.model_dump(mode="json")}, status, headers)


_TOO_LARGE = _reply(413, Fault(message=f"a request has a Content-Length of at most {LARGEST} bytes", type="invalid_request_error"))


def _fault(error: PrefoptError, kind: str, param: str | None = None) -> Fault:
    return Fault(message=error.message, type=kind, param=param, hint=error.hint or None)


def _unrecorded(error: NotRecordedError) -> Fault:
    what = f"the record could not be written, so nothing is answered: {error}"
    return Fault(message=what, type="server_error", code="not_recorded", hint="free some space on the disk of the server")


def _first(error: RequestValidationError) -> Fault:
    """The first fault of a request: field, value and, where it is one of a problem, the problem's id."""
    first = error.errors()[0]
    place = [part for part in first["loc"] if part not in ("body", "query")]
    context, what = first.get("ctx", {}), first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return Fault(message=f"the body is not JSON: {context.get('error', what)}", type="invalid_request_error")
    if first["loc"] == ("body",) and first["type"] in ("model_attributes_type", "model_type", "missing"):
        hint = "the body is an object: {…}; send the header Content-Type: application/json"
        return Fault(message="the body is no JSON object, or its Content-Type is not JSON", type="invalid_request_error", hint=hint)
    field = context.get("field") or ".".join(map(str, place))
    if first["type"] == "too_long" and field == "problems":
        what = f"{context['actual_length']} problems; a request has at most {context['max_length']}"
    if first["type"] == "string_pattern_mismatch" and field == "prediction":
        what = f"{first['input']!r} is not the id of an answer"
    problem = context.get("id") or _problem_at(error.body, place)
    return Fault(message=f"{field}: {what}" if field else what, type="invalid_request_error", param=field or None, problem=problem)


def _problem_at(body: Any, place: Sequence[Any]) -> str | None:
    """The id of the problem that a place in a request lies in."""
    if len(place) < 2 or place[0] != "problems" or not isinstance(place[1], int):
        return None
    found = body["problems"][place[1]]
    name = found.get("id") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def _models(service: Service) -> list[str]:
    loaded = service.current
    return [service.project.config.project.name, *([] if loaded is None else [loaded.policy.adapter_id])]


def _refuse_unready(service: Service) -> None:
    if service.current is None:
        raise RefusedError(503, Fault(message=service.fault, type="server_error", code="loading"), {"Retry-After": "5"})


async def _answers(service: Service, asked: Sequence[Asked]) -> list[ServedPrediction]:
    try:
        return await asyncio.wrap_future(service.ask(asked))
    except UnavailableError as error:
        headers = {"Retry-After": str(error.seconds)}
        raise RefusedError(503, Fault(message=str(error), type="server_error", code="unavailable"), headers) from None
    except NotRecordedError as error:
        raise RefusedError(507, _unrecorded(error)) from None
    except (ModelError, DataError) as error:
        named = next((one.problem.id for one in asked if f"problem {one.problem.id}:" in error.message), None)
        status = 500 if named is None and isinstance(error, ModelError) else 422
        kind = "server_error" if status == 500 else "invalid_request_error"
        place = next((i for i, one in enumerate(asked) if one.problem.id == named), None)
        fault = _fault(error, kind, None if place is None else f"problems.{place}.text")
        raise RefusedError(status, fault.model_copy(update={"problem": named})) from None
