"""
Build the page of one execution from the record, its events, and the reader's rights.

The headline must tell within ten seconds: drill or real, what happens now, what to press.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drs_recovery.web.airflow import AirflowRun
from drs_recovery.web.allowed_actions import ANSWERS, Rights, is_live
from drs_recovery.web.executions.actions import Actions, OfferedAction, actions_for
from drs_recovery.web.executions.addresses import Addresses, addresses_of
from drs_recovery.web.executions.costs import RunningInstances, running_instances
from drs_recovery.web.executions.events import EventLog, event_log
from drs_recovery.web.executions.failures import Failures, Preflight, failures_in, preflight_of
from drs_recovery.web.executions.gates import Briefing, briefings_of
from drs_recovery.web.executions.next_steps import NextStep, next_step
from drs_recovery.web.executions.notices import Notice, notices_for
from drs_recovery.web.executions.sentences import now_sentence
from drs_recovery.web.executions.servers import PhaseCount, ServersWanted, phase_counts, server_tables
from drs_recovery.web.executions.timeline import Timeline, timeline_of
from drs_recovery.web.executions.times import Times, times_of
from drs_recovery.web.executions.waves import WaveView, wave_view
from drs_recovery.web.shared.formatting import Moment, Sentence, moment_if, page_moment, said
from drs_recovery.web.shared.instances import standing_request
from drs_recovery.web.shared.marks import Badge, Mark, badge_of, mark_of

__all__ = ["AirflowRun", "ExecutionView", "ServersWanted", "execution_view"]


@dataclass(frozen=True)
class Headline:
    """
    The top of the page.

    :param badge: drill or real recovery, and whether it is a dry run.
    :param status: the status, as a word that people understand.
    :param now: what happens now, or how it ended, in one sentence.
    :param next_step: what to do.
    :param last_look: when DRS was last asked; None before the first time.
    :param updated: when the record last changed.
    :param is_live: whether anything can still change by itself, so that the page is worth fetching again.
    """

    badge: Badge
    status: Mark
    now: Sentence
    next_step: NextStep
    last_look: Moment | None
    updated: Moment
    is_live: bool


def headline_of(document: Mapping[str, Any], step: NextStep) -> Headline:
    """
    The top of the page.

    :param document: the execution document.
    :param step: what to do.
    """
    polled = [wave["lastPolledTime"] for wave in document["waves"] if "lastPolledTime" in wave]
    return Headline(
        badge=badge_of(document),
        status=mark_of(document),
        now=now_sentence(document),
        next_step=step,
        last_look=moment_if(max(polled, default=None)),
        updated=Moment.at(document["lastUpdatedTime"]),
        is_live=is_live(document) or _is_being_terminated(document),
    )


def _is_being_terminated(document: Mapping[str, Any]) -> bool:
    if document.get("instancesTerminated"):
        return False
    # That everything is gone is confirmed a little after the last instance; a part is through with its own.
    open_requests = [one for one in document.get("terminationRequests") or () if "endTime" not in one]
    is_about_all = any(not one.get("waves") for one in open_requests)
    return is_about_all or standing_request(document) is not None or "terminateAfter" in document


Record = Mapping[str, Any]

_EVERY_SERVER = ServersWanted()


@dataclass(frozen=True)
class ExecutionView:
    """
    The page of an execution.

    :param execution_id: its id.
    :param plan_id: id of the plan.
    :param plan_name: name of the plan.
    :param dag_id: Airflow's DAG id.
    :param dag_run_id: Airflow's DAG run id.
    :param headline: the top of the page.
    :param notices: what must not be overlooked about the page itself.
    :param failures: what failed and why.
    :param instances: what runs and costs money.
    :param addresses: where the servers of a real recovery that has ended are reached; None of any other.
    :param times: elapsed, expected, objectives.
    :param counts: servers of all waves, by phase.
    :param timeline: the waves along the time.
    :param waves: each wave with its servers.
    :param preflight: what was found before anything was launched; None before that.
    :param actions: what the person may do, and what not.
    :param briefings: what is to be known about each question that waits.
    :param events: what happened.
    :param facts: who started it and why, ticket and the like, as labels and texts.
    """

    execution_id: str
    plan_id: str
    plan_name: str
    dag_id: str
    dag_run_id: str
    headline: Headline
    notices: tuple[Notice, ...]
    failures: Failures
    instances: RunningInstances
    addresses: Addresses | None
    times: Times
    counts: tuple[PhaseCount, ...]
    timeline: Timeline
    waves: tuple[WaveView, ...]
    preflight: Preflight | None
    actions: Actions
    briefings: tuple[Briefing, ...]
    events: EventLog
    facts: tuple[tuple[str, Sentence], ...]

    def briefing_for(self, action: OfferedAction) -> Briefing | None:
        """
        What whoever takes an action must know; None if it answers no question.

        :param action: that is offered.
        """
        if action.kind not in ANSWERS:
            return None
        return next((one for one in self.briefings if one.wave == action.wave), None)


def execution_view(
    document: Record,
    events: Sequence[Record],
    rights: Rights,
    now: float,
    *,
    airflow: AirflowRun | None = None,
    wanted: ServersWanted = _EVERY_SERVER,
) -> ExecutionView:
    """
    Compose the page of an execution; the same record gives the same page for some seconds.

    :param document: the execution document.
    :param events: all of its events, oldest first.
    :param rights: of the person who looks.
    :param now: epoch seconds.
    :param airflow: what Airflow says of the DAG run; None if it could not be asked.
    :param wanted: which servers are shown.
    """
    as_of = page_moment(document, now)
    tables = server_tables(document, wanted)
    actions, instances = actions_for(document, rights), running_instances(document, now)
    return ExecutionView(
        execution_id=document["executionId"],
        plan_id=document["planId"],
        plan_name=document["planName"],
        dag_id=document["dagId"],
        dag_run_id=document["dagRunId"],
        headline=headline_of(document, next_step(document, actions, instances)),
        notices=notices_for(document, events, airflow, as_of, rights.installation),
        failures=failures_in(document),
        instances=instances,
        addresses=addresses_of(document),
        times=times_of(document, as_of),
        counts=phase_counts([server for wave in document["waves"] for server in wave["serverStatuses"]]),
        timeline=timeline_of(document, events, as_of),
        waves=tuple(
            wave_view(document, wave, events, tables[wave["waveNumber"]], as_of) for wave in document["waves"]
        ),
        preflight=preflight_of(document),
        actions=actions,
        briefings=briefings_of(document, as_of),
        events=event_log(events, sum(len(table.rows) for table in tables.values())),
        facts=tuple(_facts(document)),
    )


def _facts(document: Record) -> Iterator[tuple[str, Sentence]]:
    yield "Started by", said(document["initiatedBy"])
    if "controller" in document:
        yield "Airflow", said(document["controller"])
    for label, name in (("Ticket", "ticket"), ("Reason", "reason")):
        if document.get(name):
            yield label, said(str(document[name]))
    if cancel := document.get("cancel"):
        yield "Cancelled", said(f"by {cancel['actor']}, ", cancel["time"], f": {cancel['reason']}")
    if document.get("replaceExecution"):
        yield "May end", said(f"the instances in use of execution {document['replaceExecution']}")
    if document.get("keepInstances"):
        yield "Instances", said("kept after the drill, as requested")
    yield "Waves", said(f"{document['completedWaves']} of {document['totalWaves']} completed")
