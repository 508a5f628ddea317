"""What tests of several steps need."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.testing import Sandbox
from tests.iam_policies import engine_policies, target_policies
from tests.plan_documents import APP_1, DB_1
from tests.unit.operators.two_accounts import BILLING, CRM, EXTERNAL_ID, connection, make_role


@pytest.fixture
def one_job(aws: Sandbox) -> Sandbox:
    """A place in which one job may run at a time."""
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    return aws


@pytest.fixture
def accounts(aws: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Sandbox:
    """Two accounts with one server each, and a connection to each, whose role may do what it has to."""
    policies = engine_policies()
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    for name, account, server in (("crm", CRM, DB_1), ("billing", BILLING, APP_1)):
        aws.add_servers({"id": server, "name": f"{name}-01", "region": "us-east-1", "account": account})
        role = make_role(aws, account)
        policies[role] = target_policies(account)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}_ACCOUNT", connection(role, EXTERNAL_ID))
    aws.control("DELETE", "/calls")
    aws.enforce(policies)
    return aws
