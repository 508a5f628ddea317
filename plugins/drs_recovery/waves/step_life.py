"""One step's life: begun, looked at until its attempt ends, stopped; the same in a worker and a triggerer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from drs_recovery.durations import words
from drs_recovery.exceptions import ExecutionError
from drs_recovery.hooks import AWS_ERRORS, Clients, describe, is_transient
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import StepStatus
from drs_recovery.steps import BatchedKind, Login, Look
from drs_recovery.store import StepSeen
from drs_recovery.waves.step_run import PlannedStep, step_run

if TYPE_CHECKING:
    from drs_recovery.steps import StepRun
    from drs_recovery.store import ExecutionStore, StepRecord, StepRef

log = logging.getLogger(__name__)

# That nothing changed is put on record once in so many seconds: people see when it was last looked at.
_QUIET_SECONDS = 60.0

_REDACTED = "***"
# Shorter values would be found in words that are no secrets.
_SHORTEST_SECRET = 4


class StepLife:
    """
    The attempt at a step that runs.

    :param clients: hooks of AWS, kept between looks.
    """

    def __init__(self, store: ExecutionStore, ref: StepRef, clients: Clients | None = None) -> None:
        self._store, self._ref = store, ref
        self._clients = clients or Clients()
        self._secrets: set[str] = set()
        self._run: StepRun | None = None
        self._planned: PlannedStep | None = None
        self._record: StepRecord = store.steps.get(ref)
        self._tries = int(self._record.get("tries", 0))
        self._written: StepSeen | None = None
        self._written_at = 0.0
        self.pause = 0.0

    @property
    def record(self) -> StepRecord:
        """The STEP record as it was last read or written."""
        return self._record

    @property
    def is_over(self) -> bool:
        """Whether the attempt has ended."""
        return not self._record["status"].is_open

    @property
    def planned(self) -> PlannedStep:
        """The step in the plan with which the execution was opened."""
        if self._planned is None:
            snapshot = self._store.get_execution(self._ref.execution_id)["planSnapshot"]
            self._planned = PlannedStep.of(plan_from_snapshot(snapshot), self._ref)
        return self._planned

    @property
    def batched(self) -> BatchedKind | None:
        """Its kind, if many steps of it ask together."""
        kind = self.planned.kind
        return kind if isinstance(kind, BatchedKind) else None

    def run(self) -> StepRun | None:
        """What the kind acts on; None if the attempt has ended, perhaps because there is nothing."""
        if self._run is None and not self.is_over:
            document = self._store.get_document(self._ref.execution_id)
            try:
                self._run = step_run(document, self._ref, self._record, self._clients, self._login)
            except ExecutionError as error:
                self._end(StepStatus.FAILED, StepSeen(str(error)), str(error))
        if self._run is None or self.is_over:
            return None
        ids = self._record["attempts"][-1].get("externalIds", {})
        return replace(self._run, now=time.time(), external_ids=ids)

    def look(self, found: Mapping[str, Any] | None = None) -> StepRecord:
        """
        Look once, and write down what was seen; an end of the attempt, too.

        :param found: what a shared question already found; None to ask.
        """
        run = self.run()
        if run is None:
            return self._record
        self._tries += 1
        try:
            look = self._looked(run, found)
        except AWS_ERRORS as error:
            self._clients.forget()
            self.failed(error)
            return self._record
        self._judge(run, look)
        return self._record

    def failed(self, error: Exception) -> None:
        """Write down that a look failed: what passes is survived until the time-out."""
        run = self.run()
        if run is None:
            return
        why = self._redacted(describe(error))
        if not is_transient(error):
            self._end(StepStatus.FAILED, StepSeen(why, tries=self._tries), why)
        elif run.now >= run.deadline:
            self._time_out(run, StepSeen(tries=self._tries, problem=why), f"not looked at: {why}")
        else:
            self._observe(StepSeen(tries=self._tries, problem=why))
        self.pause = poll_interval()

    def stop(self, status: StepStatus, reason: str, actor: str) -> StepRecord:
        """
        End an attempt that still runs, after it was stopped as far as it can be.

        :param status: CANCELLED, or UNKNOWN where nobody can tell what becomes of it.
        """
        run = self.run()
        if run is not None:
            became, is_known = self._stopped(run)
            why = f"{reason}; {became}" if became else reason
            seen, status = StepSeen(tries=self._tries), status if is_known else StepStatus.UNKNOWN
            self._record = self._store.steps.end(
                self._ref, run.attempt, status, seen, self._redacted(why), actor
            )
        return self._record

    def _looked(self, run: StepRun, found: Mapping[str, Any] | None) -> Look:
        kind = self.planned.kind
        try:
            if found is not None and isinstance(kind, BatchedKind):
                return kind.judge(run, found)
            return kind.look(run) if run.external_ids else kind.start(run)
        except AWS_ERRORS:
            raise
        except Exception as error:
            # A mistake in a kind is no reason to wait until the time-out.
            log.exception("step %s of execution %s", self._record["name"], self._ref.execution_id)
            return Look(StepStatus.FAILED, f"{type(error).__name__}: {error}", final=True)

    def _judge(self, run: StepRun, look: Look) -> None:
        seen = self._seen(look)
        is_probe = self.planned.kind.is_probe
        self.pause = look.pause or (
            self.planned.step.interval.total_seconds() if is_probe else poll_interval()
        )
        if look.status is StepStatus.SUCCEEDED:
            self._end(StepStatus.SUCCEEDED, seen)
        elif look.status is StepStatus.FAILED and (look.final or not is_probe):
            self._end(StepStatus.FAILED, seen, seen.detail)
        elif run.now >= run.deadline:
            self._time_out(run, seen, seen.detail)
        else:
            self._observe(seen)

    def _time_out(self, run: StepRun, seen: StepSeen, detail: str) -> None:
        span = words(run.now - run.begun)
        if self.planned.kind.is_probe:
            self._end(StepStatus.TIMED_OUT, seen, f"{detail}, {self._tries} tries in {span}")
            return
        became, _ = self._stopped(run)
        said = f"not finished within {span}: {detail}"
        self._end(StepStatus.TIMED_OUT, seen, f"{said}; {became}" if became else said)

    def _stopped(self, run: StepRun) -> tuple[str | None, bool]:
        """Stop what runs; what became of it, and whether that is known."""
        try:
            return self.planned.kind.stop(run), True
        except Exception as error:  # whatever it is, the attempt ends
            log.warning("step %s was not stopped: %s", self._record["name"], describe(error))
            return f"it could not be stopped: {describe(error)}", False

    def _seen(self, look: Look) -> StepSeen:
        failures = [
            (one.server_id, one.name, self._redacted(one.detail)) for one in look.servers if not one.ok
        ]
        return StepSeen(
            detail=self._redacted(look.detail),
            output=self._redacted(look.output),
            external_ids=look.external_ids,
            tries=self._tries,
            servers=len(look.servers),
            failures=failures,
        )

    def _observe(self, seen: StepSeen) -> None:
        same = self._written is not None and replace(self._written, tries=seen.tries) == seen
        if same and time.time() < self._written_at + _QUIET_SECONDS:
            return
        attempt = self._record["attempts"][-1]["number"]
        self._record = self._store.steps.observe(self._ref, attempt, seen)
        self._written, self._written_at = seen, time.time()

    def _end(self, status: StepStatus, seen: StepSeen, error: str | None = None) -> None:
        attempt = self._record["attempts"][-1]["number"]
        self._record = self._store.steps.end(self._ref, attempt, status, seen, error)

    def _login(self, connection_id: str) -> Login:
        found = BaseHook.get_connection(connection_id)
        login = Login(found.login, found.password, dict(found.extra_dejson))
        values = (login.secret, *(value for value in login.extra.values() if isinstance(value, str)))
        self._secrets |= {value for value in values if value and len(value) >= _SHORTEST_SECRET}
        return login

    def _redacted(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _REDACTED)
        return text
