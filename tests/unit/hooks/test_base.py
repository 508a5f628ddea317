"""What all hooks share: clients are made fast, and AWS still learns which operator makes them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.loaders import JSONFileLoader

from drs_recovery.hooks.base import AccountHook
from drs_recovery.service_models import read_ahead, share_service_models


class ReadDocuments:
    """An operator, as far as the user agent is concerned."""

    def execute(self, hook: AwsBaseHook) -> str:
        return str(hook.get_client_type().meta.config.user_agent_extra)


def hook_of(kind: type[AwsBaseHook]) -> AwsBaseHook:
    return kind(aws_conn_id=None, region_name="us-east-1", client_type="sts")


@pytest.mark.usefixtures("aws")
def test_the_user_agent_is_that_of_airflows_own_hooks() -> None:
    ours = ReadDocuments().execute(hook_of(AccountHook))

    assert "Caller/ReadDocuments" in ours
    assert ours == ReadDocuments().execute(hook_of(AwsBaseHook))


def test_outside_of_an_operator_the_user_agent_names_none() -> None:
    hook = AccountHook(aws_conn_id=None, region_name="eu-west-1", client_type="sts")

    assert AccountHook._find_operator_class_name("no_such_function") is None
    assert "Caller/Unknown" in hook.get_client_type().meta.config.user_agent_extra


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("deferrable", [False, True])
def test_sessions_of_a_process_read_each_description_once(deferrable: bool) -> None:
    """Those of a task and those of the triggerer's clients share one reader, also with each other."""
    sessions = [hook_of(AccountHook).get_session("us-east-1", kind) for kind in (False, deferrable)]
    loaders = [getattr(one, "_session", one).get_component("data_loader") for one in sessions]

    assert sessions[0] is not sessions[1]
    assert loaders[0] is loaders[1]


def test_descriptions_of_ones_own_are_found(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own-service" / "2026-01-01"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text('{"metadata": {}}', encoding="utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    session = botocore.session.Session()

    share_service_models(session)

    assert "own-service" in session.get_available_services()


@pytest.mark.parametrize("service", ["dynamodb", "drs", "sts"])
def test_a_client_of_a_service_that_was_read_ahead_reads_no_file(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_ahead(service)
    read: list[str] = []
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: read.append(path))
    session = botocore.session.Session()
    share_service_models(session)

    session.create_client(service, "us-east-1", aws_access_key_id="id", aws_secret_access_key="key")

    assert read == []
