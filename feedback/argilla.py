"""The feedback source "argilla": one dataset per round, one record per slate.

The form is made with Argilla's SDK. Records are pushed over REST (feedback/client.py) in batches of 100 under external ids, so that a push
can be repeated; everything is read over REST too, because the SDK drops ranks.
"""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, model_validator

from feedback.argilla_entry import sign_in_simulated, submit_pending
from feedback.client import ArgillaClient, find_server, unreachable
from feedback.form import asked, build_settings, differences, says_unknown
from feedback.mapping import (
    asked_again,
    deleted,
    incomplete,
    is_answer,
    ranking_of,
    record_fields,
    record_id,
    record_metadata,
    same_count,
    seconds_of,
    sent_texts,
)
from feedback.record_overlap import refuse_set_number, teachers_changed
from feedback.sound_data import refusing_damage
from feedback.survey import Comparison, Survey
from feedback.teach import groups_of, has_page, page_for_teachers, tell
from prefopt.errors import ConfigError, FeedbackError
from prefopt.frozen import Frozen
from prefopt.io.leaving import refuse_personal
from prefopt.protocols import FeedbackContext, Held, Question, SourceReading
from prefopt.records import Progress, Ranking, Receipt, Slate, Uncounted

BATCH = 100
"""Records per push."""


class ArgillaConfig(Frozen):
    """[feedback.options] of the source "argilla"."""

    url: str = ""
    """Address of an Argilla server; empty: the bundled one, started by `prefopt argilla up`."""
    workspace: str = "prefopt"
    """Workspace in which the teachers rank; created if it does not exist."""
    home: str = ".argilla"
    """Directory of the bundled server, below the project."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys(cls, raw: Any) -> Any:
        for name in raw if isinstance(raw, dict) else ():
            if "key" in str(name).lower() or "password" in str(name).lower():
                raise ConfigError(  # not a ValueError: pydantic would print the secret
                    f"{name} does not belong in prefopt.toml: anyone who can read the file could act as the owner",
                    hint="delete it (and create a new key if others have seen it), then: export PREFOPT_ARGILLA_API_KEY=<the key>",
                )
        return raw


class ArgillaSource:
    """FeedbackSource over Argilla 2.8. The server is contacted only when a method is called."""

    name: ClassVar[str] = "argilla"
    Config: ClassVar[type[BaseModel]] = ArgillaConfig

    def __init__(self, config: ArgillaConfig, context: FeedbackContext) -> None:
        self._config = config
        self._context = context

    def publish(self, slates: Sequence[Slate]) -> list[Receipt]:
        """Create the round's dataset and push the slates that it lacks. Existing responses stay.

        Raises:
            FeedbackError: unreachable, a wrong key or one without the owner's role, slates of several sizes, or a dataset of that name
                with other content.
            DataError: personal data in a problem or on a card, where the server is not the bundled one.
        """
        count = same_count(slates)
        if self._config.url:  # the bundled server is this machine's own
            refuse_personal(sent_texts(slates, self._context.taxonomy), self._config.url)
        client, key = self._connect()
        refuse_set_number(client, self._context)
        workspace = client.ensure_workspace(self._config.workspace)
        with _sdk(client.url, key) as (rg, sdk):
            forms = {question: self._form(rg, count, question) for question in get_args(Question)}
            dataset = self._ensure_dataset(client, workspace, rg, sdk, forms)
            present = self._present(client, dataset["id"], slates)
            missing = [slate for slate in slates if record_id(slate.id) not in present]
            if missing:
                self._push(client, str(dataset["id"]), missing, len(slates))
                present = self._present(client, dataset["id"], slates)
        page = page_for_teachers(client, self._context.project / self._config.home)
        if page:
            domain = self._context.domain
            groups, words = groups_of(self._context.taxonomy), {"label": domain.label}
            published = self._published_dataset(client, self._context.name)
            tell(client, published, groups=groups, words=words, language=domain.language, closed=False)
        page = page or f"{client.url}/dataset/{dataset['id']}/annotation-mode"
        missing_ids = [slate.id for slate in slates if record_id(slate.id) not in present]
        if missing_ids:
            raise FeedbackError(
                f"Argilla accepted {len(missing_ids)} slates but does not list them: {_some(missing_ids)}", hint="run `prefopt round` again"
            )
        return [
            Receipt(slate_id=slate.id, source=self.name, dataset=self._context.name, record=present[record_id(slate.id)], url=page)
            for slate in slates
        ]

    def collect(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> list[Ranking]:
        """Every submitted or discarded judgment; drafts are ignored. A discard counts as a judgment: the teacher has seen the slate.

        Raises:
            FeedbackError: unreachable, a wrong key or one without the owner's role; workspace or dataset is missing.
        """
        return self.read(slates, receipts)[0]

    def read(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> tuple[list[Ranking], list[Uncounted]]:
        """What collect() returns, the submissions of which a part does not count, and the slates that were deleted. Raises as collect."""
        survey = self._survey(receipts)
        rankings, uncounted = self._rankings(slates, survey)
        return rankings, [*uncounted, *(deleted(slate_id) for slate_id in survey.deleted)]

    def read_after(self, slates: Sequence[Slate], receipts: Sequence[Receipt], held: Held) -> SourceReading:
        """What collect() returns, and why answers that were read before are not there (feedback/survey.py). Raises as collect."""
        survey = self._survey(receipts, held.seen)
        rankings, uncounted = self._rankings(slates, survey)
        found = Comparison(survey, rankings, held)
        restored_at = found.restored_at if found.is_lacking else None
        return SourceReading(found.rankings, uncounted, found.absent, survey.deleted, found.is_lacking, restored_at, found.seen)

    def progress(self, receipts: Sequence[Receipt]) -> Progress:
        """Count the submitted and discarded judgments by Progress.of; deleted slates are left out. Raises as collect."""
        survey = self._survey(receipts)
        answered = [(slate_id, teacher) for slate_id, teacher, response in survey.responses() if is_answer(response)]
        return Progress.of((r.slate_id for r in receipts if r.slate_id not in survey.deleted), answered, self._context.overlap)

    def ask_more(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Sequence[Ranking], missing: Mapping[str, int]
    ) -> None:
        """Open the records of slates that miss answers for teachers who have not answered them, and close those that no longer do. A record
        is in the queues until enough teachers have submitted it: its own number is in its metadata. Raises as collect.
        """
        if not receipts:
            return
        client, _ = self._connect()
        dataset = str(self._published_dataset(client, receipts[0].dataset)["id"])
        changes = teachers_changed(client.records(dataset), slates, missing, self._context.overlap)
        for start in range(0, len(changes), BATCH):
            client.request("PUT", f"/datasets/{dataset}/records/bulk", json={"items": changes[start : start + BATCH]})

    def let_answer(self, receipts: Sequence[Receipt], allowed: bool) -> None:
        """Open or close a round: the bundled server takes no answers of teachers to a closed one. Another Argilla cannot close any.
        Raises as collect."""
        client, _ = self._connect()
        if receipts and has_page(client):
            tell(client, self._published_dataset(client, receipts[0].dataset), closed=not allowed)

    def teachers(self) -> list[str]:
        """User names of the annotators in the workspace, with or without answers. Raises as collect."""
        client, _ = self._connect()
        workspace = client.workspace_id(self._config.workspace)
        users = client.get(f"/workspaces/{workspace}/users")["items"] if workspace else []
        return sorted(str(user["username"]) for user in users if user["role"] == "annotator")

    def enter_answers(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Mapping[str, Sequence[Ranking]]
    ) -> dict[str, list[Ranking]]:
        """Submit answers as simulated teachers, each signed in under their own account. Raises as collect."""
        client, _ = self._connect()
        home = self._context.project / self._config.home
        workspace = client.ensure_workspace(self._config.workspace)
        dataset = self._published_dataset(client, receipts[0].dataset)
        by_record = {record_id(slate.id): slate for slate in slates}
        form = client.get(f"/datasets/{dataset['id']}/questions")["items"]
        entered: dict[str, list[Ranking]] = {}
        done, total = 0, sum(len(own) for own in answers.values())
        for teacher, own in answers.items():
            signed_in = sign_in_simulated(client, workspace, home, teacher)
            entered[teacher] = submit_pending(signed_in, str(dataset["id"]), by_record, own, asked(form), says_unknown(form))
            done += len(own)
            self._context.on_step(done, total, teacher)
        return entered

    def check(self) -> None:
        """Raise FeedbackError where the server does not answer, not to the owner's key, or cannot do what the settings want of it."""
        client, _ = self._connect()
        refuse_set_number(client, self._context)

    def _connect(self) -> tuple[ArgillaClient, str]:
        home = self._context.project / self._config.home
        url, key = find_server(self._context.project, self._config.url, home)
        client = ArgillaClient(url, key=key)
        client.owner_name()
        return client, key

    def _survey(self, receipts: Sequence[Receipt], seen: Mapping[str, Any] | None = None) -> Survey:
        foreign = {receipt.source for receipt in receipts} - {self.name}
        if foreign:
            raise FeedbackError(
                f"these slates were published by the source {_some(sorted(foreign))}, not by {self.name}",
                hint="restore source in [feedback]",
            )
        client, _ = self._connect()
        name = receipts[0].dataset if receipts else self._context.name  # a branch reads what the first round published
        dataset = self._published_dataset(client, name)
        with refusing_damage(self._context.project / self._config.home, client.url):
            records = {str(record["external_id"]): record for record in client.records(dataset["id"])}
        history = client.history(str(dataset["id"]), seen or {})  # after the records: it says what became of all that they lack
        return Survey(receipts, self._published_dataset(client, name), records, client.usernames(), history)

    def _rankings(self, slates: Sequence[Slate], survey: Survey) -> tuple[list[Ranking], list[Uncounted]]:
        by_id = {slate.id: slate for slate in slates}
        rankings: list[Ranking] = []
        uncounted: list[Uncounted] = []
        responses = list(survey.responses())
        of_teacher: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _, teacher, response in responses:
            of_teacher[teacher].append(response)
        seconds: dict[str, float] = {}
        for own in of_teacher.values():
            seconds |= seconds_of(own)
        for slate_id, teacher, response in responses:
            if slate_id not in by_id:
                raise FeedbackError(f"slate {slate_id} was published but is not among the slates of this round", hint="prefopt round show")
            slate = by_id[slate_id]
            if (again := asked_again(slate, teacher, response)) is not None:
                uncounted.append(again)
            elif (ranking := ranking_of(slate, teacher, response, self._context.taxonomy)) is not None:
                uncounted += incomplete(ranking, response)
                rankings.append(ranking.model_copy(update={"seconds": seconds.get(str(response["id"]))}))
        rankings.sort(key=lambda ranking: (ranking.slate_id, ranking.teacher))
        return rankings, sorted(uncounted, key=lambda row: (row.slate_id, row.teacher))

    def _published_dataset(self, client: ArgillaClient, name: str) -> dict[str, Any]:
        workspace = client.workspace_id(self._config.workspace)
        if workspace is None:
            raise FeedbackError(
                f"Argilla at {client.url} has no workspace {self._config.workspace!r}",
                hint="set workspace in [feedback.options] to the one used for publishing",
            )
        dataset = client.dataset(name, workspace)
        if dataset is None:
            raise FeedbackError(
                f"the dataset {name!r} is not in the workspace {self._config.workspace!r} of {client.url}",
                hint="it was deleted or is on another server: check url in [feedback.options]",
            )
        return dataset

    def _form(self, rg: Any, count: int, question: Question) -> Any:
        return build_settings(rg, self._context, count, question)

    def _ensure_dataset(self, client: ArgillaClient, workspace: str, rg: Any, sdk: Any, forms: Mapping[Question, Any]) -> dict[str, Any]:
        """The round's dataset, with a form of these. One that was published with another question keeps it: its answers say the same."""
        dataset = client.dataset(self._context.name, workspace)
        if dataset is not None and dataset["status"] == "draft":  # its creation was interrupted; a draft holds no records
            client.request("DELETE", f"/datasets/{dataset['id']}")
            dataset = None
        if dataset is None:
            rg.Dataset(
                name=self._context.name, workspace=self._config.workspace, settings=forms[self._context.question], client=sdk
            ).create()
            dataset = self._published_dataset(client, self._context.name)
        fields = client.get(f"/datasets/{dataset['id']}/fields")["items"]
        questions = client.get(f"/datasets/{dataset['id']}/questions")["items"]
        if different := differences(forms[asked(questions)], fields, questions, dataset):
            raise self._foreign("; ".join(different))
        return dataset

    def _present(self, client: ArgillaClient, dataset: str, slates: Sequence[Slate]) -> dict[str, str]:
        """External id -> record id of the dataset's records. Raises if one is not of this round: its answers are about something else."""
        wanted = {record_id(slate.id): self._fields(slate) for slate in slates}
        present: dict[str, str] = {}
        for record in client.records(dataset):
            external_id = str(record["external_id"])
            if external_id not in wanted:
                raise self._foreign(f"it holds the record {external_id!r}, which is not a slate of this round")
            if not _shows(record["fields"], wanted[external_id]):
                raise self._foreign(f"its record {external_id!r} shows another problem or other candidates")
            present[external_id] = str(record["id"])
        return present

    def _fields(self, slate: Slate) -> dict[str, Any]:
        return record_fields(slate, self._context.taxonomy, self._context.domain, self._context.card_fields)

    def _foreign(self, why: str) -> FeedbackError:
        return FeedbackError(
            f"the dataset {self._context.name!r} in the workspace {self._config.workspace!r} does not belong to this round: {why}",
            hint="change [project] name, or workspace in [feedback.options]; or delete that dataset in Argilla",
        )

    def _push(self, client: ArgillaClient, dataset: str, slates: Sequence[Slate], total: int) -> None:
        """Upsert in batches. The server stores a batch whole or not at all; repeating one whose reply was lost changes nothing."""
        done = total - len(slates)
        for start in range(0, len(slates), BATCH):
            batch = slates[start : start + BATCH]
            items = [
                {
                    "external_id": record_id(slate.id),
                    "fields": self._fields(slate),
                    "metadata": record_metadata(slate),
                }
                for slate in batch
            ]
            client.request("PUT", f"/datasets/{dataset}/records/bulk", json={"items": items})
            done += len(batch)
            self._context.on_step(done, total, "published")


def _shows(fields: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a record has these fields. One of an earlier version lacks the texts as they were written, and shows the same."""
    source = (fields.get("candidates") or {}).get("source")
    candidates = {name: part for name, part in wanted["candidates"].items() if name != "source" or source is not None}
    return dict(fields) == {**wanted, "candidates": candidates}


@contextlib.contextmanager
def _sdk(url: str, key: str) -> Iterator[tuple[Any, Any]]:
    """The argilla module and an SDK client; errors of both, and of httpx below them, become FeedbackErrors."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's notes about the SDK's own classes
        import argilla as rg
        import httpx
        from argilla._exceptions import ArgillaError

    logging.getLogger("argilla.sdk").setLevel(logging.ERROR)
    try:
        yield rg, rg.Argilla(api_url=url, api_key=key, timeout=120)
    except ArgillaError as error:
        raise FeedbackError(f"Argilla at {url} refused: {error}") from error
    except httpx.HTTPError as error:
        raise unreachable(url, error) from error


def _some(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
