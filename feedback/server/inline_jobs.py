# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's job queue without Redis: an in-process replacement of the store, and a worker thread that runs the jobs.

argilla-server enqueues work after responses (record status) and for webhooks and imports. A separate worker process would need a real
Redis between the two; a thread of the same process does not. A job that is a coroutine runs on the server's own event loop: rq would give
each one a loop of its own, but database connections belong to the loop that opened them, and one that is left in a dead loop is lost to the
pool. After 15 such jobs no request would get a connection.
"""

from __future__ import annotations

import asyncio
import threading
import time

IDLE_SECONDS = 0.5


def replace_redis() -> None:
    """Make redis.from_url return connections to one in-process store. Call before argilla_server is imported: it connects at import."""
    import fakeredis
    import redis

    store = fakeredis.FakeServer()
    redis.from_url = lambda url, **options: fakeredis.FakeRedis(server=store)


def start_worker(loop: asyncio.AbstractEventLoop) -> None:
    """Run queued jobs in a daemon thread until the process ends; coroutines on `loop`, the server's own."""
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import SimpleWorker
    from rq.job import Job
    from rq.timeouts import TimerDeathPenalty

    class LoopJob(Job):
        """A job whose coroutine runs on the server's event loop, while this thread waits for its result."""

        def _execute(self):
            result = self.func(*self.args, **self.kwargs)
            return asyncio.run_coroutine_threadsafe(result, loop).result() if asyncio.iscoroutine(result) else result

    class ThreadWorker(SimpleWorker):
        """Runs jobs in its own thread: without fork, and without signal handlers, which only a main thread can set."""

        death_penalty_class = TimerDeathPenalty

        def _install_signal_handlers(self):
            pass

    def work() -> None:
        worker = ThreadWorker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION, job_class=LoopJob)
        while True:
            if len(HIGH_QUEUE) or len(DEFAULT_QUEUE):  # starting and stopping a worker costs more than this check
                worker.work(burst=True, logging_level="WARNING", with_scheduler=False)
            time.sleep(IDLE_SECONDS)

    threading.Thread(target=work, daemon=True, name="inline-jobs").start()


def server_with_worker(config):
    """A uvicorn.Server that starts the worker once its event loop runs."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None) -> None:
            await super().startup(sockets)
            start_worker(asyncio.get_running_loop())

    return Server(config)
