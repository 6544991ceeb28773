"""What /metrics says: counters, gauges and histograms for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from prefopt.serve.records import ServedPrediction

SHARES = tuple(i / 20 for i in range(1, 21))
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """All metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("prefopt_requests", "Requests by path and status.", "path", "status")
        self.seconds = self._histogram("prefopt_request_seconds", "Seconds from request to reply.", SECONDS, "path")
        self.predictions = self._counter("prefopt_predictions", "Answers by decision, arm and adapter.", "decision", "arm", "adapter")
        self.labels = self._counter("prefopt_labels", "Answers by label.", "label")
        self.confidence = self._histogram("prefopt_confidence", "Confidence of the answers.", SHARES)
        self.coverage = self._histogram("prefopt_coverage", "Probability on the labels of the taxonomy.", SHARES)
        self.set_size = self._histogram("prefopt_set_size", "Labels in the set of an answer.", (1, 2, 3, 5, 10, 20, 50, 100))
        self.batch = self._histogram("prefopt_batch_problems", "Problems in a batch.", (1, 2, 4, 8, 16, 32, 64))
        self.queue = self._gauge("prefopt_queue_problems", "Problems that wait.")
        self.model_seconds = self._counter("prefopt_model_seconds", "Seconds that the model computed.")
        self.tokens = self._counter("prefopt_prompt_tokens", "Tokens of the prompts.")
        self.cost = self._counter("prefopt_cost", "Seconds of the model x serve.price_per_hour / 3600.")
        self.corrections = self._counter("prefopt_corrections", "Teachers' words: confirmed, corrected or none_right.", "kind")
        self.ready = self._gauge("prefopt_ready", "1 while the adapter in use answers and nothing is the matter.")
        self.round = self._gauge("prefopt_round", "Round whose adapter answers.")
        self.swaps = self._counter("prefopt_swaps", "Adapters that took over.")
        self.swap_seconds = self._gauge("prefopt_swap_seconds", "Seconds from the promotion's notice to the take-over, last time.")
        self.swap_failed = self._gauge("prefopt_swap_failed", "1 where the promoted adapter could not take over; /readyz says why.")
        self.self_check = self._gauge("prefopt_self_check", "Largest difference of a probability from those that were judged.")
        self.engine_up = self._gauge("prefopt_engine_up", "0 while the servers that score cannot be used; 1 also where there are none.")
        self.engine_up.set(1)
        self.accepting = self._gauge("prefopt_accepting", "0 while an alarm sends every answer to review.")
        self.audits = self._counter("prefopt_audits", "Audited answers that a teacher has judged.", "result")
        self.audit_e = self._gauge("prefopt_audit_e", "E-value: more accepted answers are wrong than agreed.")
        self.labels_e = self._gauge("prefopt_label_shares_e", "E-value: labels come in other shares than in the hold-out.")
        self.labels_alarm = self._gauge("prefopt_label_shares_alarm", "1 from the moment on that the label shares differ.")

        self.drift_e = self._gauge("prefopt_drift_e", "E-value: confidence, coverage or set_size is not that of the hold-out.", "of")
        self.drift_alarm = self._gauge("prefopt_drift_alarm", "1 from the moment on that it differs.", "of")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, what, labels, buckets=buckets, registry=self.registry)

    def count(self, rows: Iterable[ServedPrediction]) -> None:
        """Count answers that were given."""
        for row in rows:
            self.predictions.labels(row.decision, row.arm, row.adapter).inc()
            self.labels.labels(row.label).inc()
            self.confidence.observe(row.confidence)
            self.coverage.observe(row.coverage)
            self.set_size.observe(len(row.set))

    def text(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self.registry)
