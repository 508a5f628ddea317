"""AWS sessions and clients that are made once for all steps: each takes a tenth of a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory as SessionFactory

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
        patch.setattr(SessionFactory, "_create_basic_session", _kept_sessions())
        yield


def _kept_sessions() -> Callable[..., Any]:
    """A session for what a connection says and the environment adds; those of a role are made anew."""
    make, kept = SessionFactory._create_basic_session, {}

    def session(factory: Any, session_kwargs: dict[str, Any]) -> Any:
        around = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
        key = str(sorted(session_kwargs.items())) + str(around)
        if key not in kept:
            kept[key] = make(factory, session_kwargs)
        return kept[key]

    return session


def _settings(config: Any) -> str:
    if config is None:
        return ""
    return str({name: value for name, value in vars(config).items() if name not in _NOT_TOLD_APART})
