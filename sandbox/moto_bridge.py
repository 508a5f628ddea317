"""
Makes moto find the DRS service, and lets EC2 see what DRS has done by now.

moto has no public way to add a service. The private facts used here are pinned by a contract test:

* ``moto.backend_index.backend_url_patterns`` is a list of (service, URL pattern), read at each request;
* ``moto.backends.get_backend("drs")`` imports ``moto.drs`` and takes ``drs_backends`` from it;
* a response class handles every request in ``_dispatch``;
* every way to a session of a role is ``STSBackend.assume_role``, with arguments by name.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import moto.backend_index
from moto.dynamodb.responses import DynamoHandler
from moto.ec2.responses import EC2Response

import sandbox.drs
from sandbox.drs.models import drs_backends
from sandbox.drs.urls import url_bases
from sandbox.dynamodb import use_indexed_tables, use_item_serializer
from sandbox.policy_simulation import add_policy_simulation
from sandbox.quota_listing import add_drs_quotas
from sandbox.sessions import watch_sessions
from sandbox.world import WORLD

_MODULE = "moto.drs"
_READS_OF_INSTANCES = ("DescribeInstances", "DescribeInstanceStatus")


def register() -> None:
    """Add DRS to moto in this process; doing it again changes nothing."""
    if _MODULE in sys.modules:
        return
    # Its 1300 images cost a quarter of a second a Region, and slow every launch down.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    sys.modules[_MODULE] = sandbox.drs
    moto.backend_index.backend_url_patterns.append(("drs", re.compile(url_bases[0])))
    EC2Response._dispatch = _after_settling(EC2Response._dispatch)  # type: ignore[method-assign]
    DynamoHandler._dispatch = _one_at_a_time(DynamoHandler._dispatch)  # type: ignore[method-assign]
    use_indexed_tables()
    use_item_serializer()
    add_drs_quotas()
    add_policy_simulation()
    watch_sessions(WORLD)


def settle_everything() -> None:
    """Do all that DRS jobs of any account and Region have to have done by now."""
    now = WORLD.clock.elapsed()
    for regions in list(drs_backends.values()):
        for backend in list(regions.values()):
            backend.settle(now)


def _after_settling(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """EC2 answers only after DRS has launched and terminated what was due."""

    @functools.wraps(dispatch)
    def settled(response: EC2Response, *args: Any, **kwargs: Any) -> Any:
        with WORLD.lock:
            settle_everything()
            try:
                return dispatch(response, *args, **kwargs)
            finally:
                if response._get_action() in _READS_OF_INSTANCES:
                    drs_backends[response.current_account][response.region].instances.machines.count_read()

    return settled


def _one_at_a_time(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """Serve one call after the other: moto checks a condition and writes in two steps, DynamoDB in one."""

    @functools.wraps(dispatch)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with WORLD.lock:
            return dispatch(*args, **kwargs)

    return guarded
