# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's job queue without Redis: an in-process replacement of the store, and a worker thread that runs the jobs.

argilla-server enqueues work after responses (record status) and for webhooks and imports. A separate worker process would need a real
Redis between the two; a thread of the same process does not.
"""

from __future__ import annotations

import threading
import time

IDLE_SECONDS = 0.5


def replace_redis() -> None:
    """Make redis.from_url return connections to one in-process store. Call before argilla_server is imported: it connects at import."""
    import fakeredis
    import redis

    store = fakeredis.FakeServer()
    redis.from_url = lambda url, **options: fakeredis.FakeRedis(server=store)


def start_worker() -> None:
    """Run queued jobs in a daemon thread until the process ends."""
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import SimpleWorker
    from rq.timeouts import TimerDeathPenalty

    class ThreadWorker(SimpleWorker):
        """Runs jobs in its own thread: without fork, and without signal handlers, which only a main thread can set."""

        death_penalty_class = TimerDeathPenalty

        def _install_signal_handlers(self):
            pass

    def work() -> None:
        worker = ThreadWorker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION)
        while True:
            if len(HIGH_QUEUE) or len(DEFAULT_QUEUE):  # starting and stopping a worker costs more than this check
                worker.work(burst=True, logging_level="WARNING", with_scheduler=False)
            time.sleep(IDLE_SECONDS)

    threading.Thread(target=work, daemon=True, name="inline-jobs").start()
