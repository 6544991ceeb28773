"""The door for OpenAI's clients: the last user message is the problem, and the reply's content the answer's JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from fastapi.responses import StreamingResponse

from prefopt.records import Answer
from prefopt.serve.records import ServedPrediction
from prefopt.serve.service import Service
from prefopt.serve.wire import ChatIn, PredictionOut


def complete(asked: ChatIn, row: ServedPrediction, service: Service) -> Any:
    """A recorded answer as a chat completion, streamed in one piece where that is asked for."""
    content = service.loaded.policy.renderer.answer_json(Answer(label=row.label))
    about = PredictionOut.of(row).model_dump(mode="json")
    more = {"prefopt": about, **({"ignored": asked.ignored} if asked.ignored else {})}
    head = {"id": f"chatcmpl-{row.prediction}", "created": int(time.time()), "model": asked.model}
    message = {"role": "assistant", "content": content}
    if not asked.stream:
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {**head, "object": "chat.completion", "choices": [choice], **more}
    parts: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": message, "finish_reason": None}], **more},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    lines = [json.dumps({**head, "object": "chat.completion.chunk", **part}, ensure_ascii=False) for part in parts]
    return StreamingResponse(iter([f"data: {line}\n\n" for line in (*lines, "[DONE]")]), media_type="text/event-stream")
