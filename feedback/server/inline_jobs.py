# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's job queue without Redis: an in-process stand-in for the store, and a worker thread that runs the jobs.

argilla-server puts work on the queue after responses (record status) and for webhooks and imports. A separate worker process would need a
real Redis between the two; one thread of the same process does not.
"""

from __future__ import annotations

import threading
import time

IDLE_SECONDS = 0.5


def replace_redis() -> None:
    """Make redis.from_url give connections to one in-process store. Call before argilla_server is imported: it connects at import."""
    import fakeredis
    import redis

    store = fakeredis.FakeServer()
    redis.from_url = lambda url, **options: fakeredis.FakeRedis(server=store)


def start_worker() -> None:
    """Run queued jobs for ever in a daemon thread."""
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import SimpleWorker
    from rq.timeouts import TimerDeathPenalty

    class ThreadWorker(SimpleWorker):
        """Runs jobs where it stands: no fork, and no signals, which only a main thread may set."""

        death_penalty_class = TimerDeathPenalty

        def _install_signal_handlers(self):
            pass

    def work() -> None:
        worker = ThreadWorker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION)
        while True:
            if len(HIGH_QUEUE) or len(DEFAULT_QUEUE):  # a worker's start and end cost more than looking
                worker.work(burst=True, logging_level="WARNING", with_scheduler=False)
            time.sleep(IDLE_SECONDS)

    threading.Thread(target=work, daemon=True, name="inline-jobs").start()
