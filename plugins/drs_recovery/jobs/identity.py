"""
Whether a DRS job is the one that was started for a part of a wave, as far as DRS tells.

Neither an id that somebody kept nor a tag is proof: whoever may edit Airflow's tasks, or tag jobs, can write
both. A job counts only if nothing that DRS says of it contradicts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from drs_recovery.statuses import TERMINATION_JOB

EXECUTION_TAG, PLAN_TAG, WAVE_TAG, PART_TAG = "dr:executionId", "dr:planId", "dr:wave", "dr:part"

# Which attempt at the wave; a job without this tag belongs to the first one.
ATTEMPT_TAG = "dr:attempt"

FIRST_ATTEMPT = "1"

# botocore's drs model, ``JobID``.
_JOB_ID = re.compile(r"drsjob-[0-9a-zA-Z]{17}")

# ``initiatedBy`` of a job of StartRecovery, by ``isDrill``.
_INITIATED_BY = {True: "START_DRILL", False: "START_RECOVERY"}
_LAUNCH = "LAUNCH"


def is_job_id(value: object) -> bool:
    """Whether DRS could have given an id; it refuses a question about any other."""
    return isinstance(value, str) and _JOB_ID.fullmatch(value) is not None


def contradiction(
    job: Mapping[str, Any],
    tags: Mapping[str, str],
    *,
    wanted_tags: Mapping[str, str],
    server_ids: Collection[str],
    is_drill: bool,
) -> str | None:
    """
    What DRS says of a job that speaks against it; None if nothing does. What is missing says nothing.

    :param job: ``Job``.
    """
    for key, value in wanted_tags.items():
        if tags.get(key) != value:
            return f"its tag {key} is {tags.get(key)!r}, not {value!r}"
    return misfit(job, server_ids, is_drill=is_drill)


def misfit(job: Mapping[str, Any], server_ids: Collection[str], *, is_drill: bool) -> str | None:
    """
    What DRS says of a job, its tags aside, that no job of these servers can have; None if it fits.

    :param job: ``Job``.
    """
    kind = job.get("type", _LAUNCH)
    if kind == TERMINATION_JOB:
        return f"it is a {kind} job, which launches nothing"
    others = {one.get("sourceServerID") for one in job.get("participatingServers", [])} - {*server_ids}
    if others:
        return f"it has servers that are not of this part: {', '.join(sorted(map(str, others)))}"
    initiator = job.get("initiatedBy", _INITIATED_BY[is_drill])
    if initiator == _INITIATED_BY[not is_drill]:
        return f"DRS says that it was initiated by {initiator}, and this is {'a' if is_drill else 'no'} drill"
    return None
