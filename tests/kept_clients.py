"""AWS clients that are made once for all steps: a step makes two or three, each takes a tenth of a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from sandbox.testing import Sandbox

# What differs from step to step and changes nothing in what a client does.
_NOT_TOLD_APART = frozenset({"user_agent_extra", "_user_provided_options"})


@contextmanager
def kept_clients(sandbox: Sandbox) -> Iterator[None]:
    """Make one client for each combination of service, Region, credentials and configuration."""
    make, kept = boto3.session.Session.client, {}

    def client(session: Any, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        who = options.get("aws_session_token") or getattr(session.get_credentials(), "access_key", None)
        # A test may lead a client to where nobody listens.
        own = os.environ.get(f"AWS_ENDPOINT_URL_{service_name.upper()}")
        url = options.get("endpoint_url") or own or os.environ.get("AWS_ENDPOINT_URL", sandbox.url)
        where = region_name or session.region_name, url
        key = service_name, where, _settings(options.get("config")), who
        if key not in kept:
            kept[key] = make(session, service_name, region_name, **{**options, "endpoint_url": url})
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session.Session, "client", client)
        yield


def _settings(config: Any) -> str:
    if config is None:
        return ""
    return str({name: value for name, value in vars(config).items() if name not in _NOT_TOLD_APART})
