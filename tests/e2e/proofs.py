"""What must hold of every execution that ended, whatever was done to the stack meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.e2e.drills import Drills, Ended
from tests.e2e.made_plans import MadePlan
from tests.history import life_of

_JOB_TAG = "drs.amazonaws.com-job"


def demand_completed(drills: Drills, plan: MadePlan, ended: Ended) -> None:
    """Make sure that no disturbance left a trace in the outcome."""
    assert falsehoods(drills, ended, plan.region) == []
    assert (ended.document["status"], ended.run_state) == ("COMPLETED", "success")


def demand_side_by_side(drills: Drills, ended: list[Ended], region: str) -> None:
    """
    Make sure that executions ran at once, and all to a good end.

    :param region: of all of their servers.
    """
    count = len(ended)
    assert [(one.run_state, one.document["status"]) for one in ended] == count * [("success", "COMPLETED")]
    assert [falsehoods(drills, one, region) for one in ended] == count * [[]]
    lives = [(one.document["startTime"], one.document["endTime"]) for one in ended]
    assert max(start for start, _ in lives) < min(end for _, end in lives), "they did not run at once"


def falsehoods(drills: Drills, ended: Ended, region: str) -> list[str]:
    """
    List what the record of an execution says wrongly, and what it forgot.

    :param drills: of the stack.
    :param ended: the execution.
    :param region: of all of its servers.
    :raises IllegalHistoryError: something happened that must not.
    """
    document = ended.document
    life = life_of(drills.store.get_events(document["executionId"]), document)
    jobs = drills.jobs_of(document, region)
    return [
        *ended.witness.lies,
        *life.contradictions(document),
        *_surplus_jobs(jobs),
        *_forgotten_jobs(jobs, document),
        *_forgotten_instances(drills.client("ec2", region), jobs, document),
    ]


def _surplus_jobs(jobs: list[dict[str, Any]]) -> Iterator[str]:
    """One job for each part of a wave; a deliberate retry is another attempt."""
    counts = Counter(
        tuple(job["tags"].get(f"dr:{key}", "1") for key in ("wave", "part", "attempt")) for job in jobs
    )
    for (wave, part, attempt), count in counts.items():
        if count > 1:
            yield f"wave {wave} part {part} attempt {attempt} has {count} jobs"


def _forgotten_jobs(jobs: list[dict[str, Any]], document: Mapping[str, Any]) -> Iterator[str]:
    recorded = {job["jobId"] for wave in document["waves"] for job in wave["jobs"]}
    started = {job["jobID"] for job in jobs}
    if recorded != started:
        yield f"the record has the jobs {sorted(recorded)}, DRS has {sorted(started)}"


def _forgotten_instances(ec2: Any, jobs: list[dict[str, Any]], document: Mapping[str, Any]) -> Iterator[str]:
    recorded = set(_recorded_instances(document))
    wanted = [{"Name": f"tag:{_JOB_TAG}", "Values": [job["jobID"] for job in jobs]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=wanted):
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["InstanceId"] not in recorded:
                    yield f"{instance['InstanceId']} runs and is in no record"


def _recorded_instances(document: Mapping[str, Any]) -> Iterator[str]:
    for wave in document["waves"]:
        for server in wave["serverStatuses"]:
            for holder in (server, *server.get("previousInstances", [])):
                if holder.get("instanceId"):
                    yield holder["instanceId"]
