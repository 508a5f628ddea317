"""The record of a job that may have left instances: by it they are found until all are seen to be gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drs_recovery.store.expressions import Item, Key, Put
from drs_recovery.store.keys import launch_key
from drs_recovery.store.records import Launch

if TYPE_CHECKING:
    from drs_recovery.store.records import JobRef


def launch_of_job(execution: Item, number: int, job: JobRef, now: float) -> Launch:
    """The launch by which the instances of a job are found later."""
    return Launch(
        execution_id=execution["executionId"],
        wave_number=number,
        job_id=job.job_id,
        place=place_of(job.account or job.connection, job.region),
        server_ids=tuple(job.server_ids),
        created=now if job.created is None else job.created,
    )


def place_of(account: str, region: str) -> str:
    """
    How places are named.

    :param account: id of the account, or the connection that stands for one that AWS does not tell.
    :param region: AWS Region.
    """
    return f"{account}:{region}"


def launch_put(launch: Launch) -> Put:
    """
    The record by which the instances of a job are found.

    :param launch: the job.
    """
    values = {
        "launchedBy": launch.execution_id,
        "waveNumber": launch.wave_number,
        "jobId": launch.job_id,
        "place": launch.place,
        "servers": list(launch.server_ids),
        "createdTime": launch.created,
    }
    return Put({**launch_key_of(launch).attributes, **values})


def launch_key_of(launch: Launch) -> Key:
    """Key of that record."""
    return launch_key(launch.place, launch.execution_id, launch.job_id)


def launch_of(item: Item) -> Launch:
    """The launch that a record tells of."""
    return Launch(
        execution_id=item["launchedBy"],
        wave_number=item["waveNumber"],
        job_id=item["jobId"],
        place=item["place"],
        server_ids=tuple(item["servers"]),
        created=float(item["createdTime"]),
    )
