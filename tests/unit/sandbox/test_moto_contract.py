"""The private facts of moto that the sandbox builds on; moto is pinned because of them."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import moto.backend_index
import moto.backends
from moto.awslambda.responses import LambdaResponse
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.base_backend import BackendDict
from moto.core.responses import BaseResponse
from moto.dynamodb.responses import DynamoHandler
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance
from moto.ec2.responses import EC2Response
from moto.elbv2.models import FakeTargetGroup
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.servicequotas.models import ServiceQuotasBackend
from moto.ssm.models import SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.models import STSBackend

from sandbox.arc import route53recoverycluster_backends
from sandbox.drs import drs_backends
from sandbox.moto_bridge import register
from sandbox.testing import mocked_sandbox

PROJECT = Path(__file__).resolve().parents[3]
ADVICE = "moto changed: look at sandbox/moto_bridge.py before the pin is moved"


def test_the_installed_moto_is_the_pinned_one() -> None:
    pin = re.search(r"^moto\[.*\]==(\S+)", (PROJECT / "requirements-sandbox.txt").read_text(), re.MULTILINE)
    assert pin, "requirements-sandbox.txt does not pin moto with =="
    assert version("moto") == pin[1]


def test_moto_finds_drs_by_its_url() -> None:
    register()
    patterns = dict(moto.backend_index.backend_url_patterns)
    assert patterns["drs"].match("https://drs.eu-west-1.amazonaws.com/DescribeJobs"), ADVICE


def test_moto_takes_the_backends_from_the_module_of_the_service() -> None:
    register()
    assert moto.backends.get_backend("drs") is drs_backends, ADVICE


def test_registering_twice_changes_nothing() -> None:
    register()
    register()
    services = [service for service, _ in moto.backend_index.backend_url_patterns]
    assert services.count("drs") == 1
    assert not hasattr(inspect.unwrap(EC2Response._dispatch), "__wrapped__")


def test_the_server_reads_the_patterns_when_it_starts() -> None:
    register()
    application = DomainDispatcherApplication(lambda service: None)
    assert application.get_backend_for_host("drs.us-east-1.amazonaws.com") == "drs", ADVICE


def test_every_request_of_a_service_goes_through_dispatch() -> None:
    for response in (EC2Response, DynamoHandler):
        assert issubclass(response, BaseResponse), ADVICE
        assert inspect.unwrap(response._dispatch) is BaseResponse._dispatch, ADVICE


def test_ec2_keeps_its_instances_in_reservations() -> None:
    with mocked_sandbox():
        ec2 = ec2_backends["123456789012"]["us-east-1"]
        reservation = ec2.run_instances("ami-1", 1, None, ["default"], is_instance_type_default=True)
        assert ec2.reservations[reservation.id] is reservation, ADVICE
        assert reservation.instances[0].state == "running", ADVICE
        assert ec2.get_default_subnets(), ADVICE
        assert ec2.amis == {}, ADVICE


def test_a_reset_of_moto_forgets_every_service() -> None:
    with mocked_sandbox():
        assert drs_backends["123456789012"]["us-east-1"].servers
        BackendDict.reset()
        assert not drs_backends["123456789012"]["us-east-1"].servers, ADVICE


def test_service_quotas_are_asked_for_by_two_methods() -> None:
    wanted = {"list_aws_default_service_quotas", "get_service_quota"}
    assert wanted <= set(vars(ServiceQuotasBackend)), ADVICE


def test_default_networks_are_made_by_one_method() -> None:
    register()
    with mocked_sandbox():
        (vpc,) = ec2_backends["123456789012"]["us-east-1"].vpcs.values()
        assert (vpc.cidr_block, vpc.is_default) == ("127.64.0.0/16", True), ADVICE


def test_a_subnet_knows_the_addresses_that_are_taken() -> None:
    with mocked_sandbox():
        ec2 = ec2_backends["123456789012"]["us-east-1"]
        subnet = min(ec2.get_default_subnets().values(), key=lambda one: one.cidr_block)
        nic = {"DeviceIndex": 0, "SubnetId": subnet.id, "PrivateIpAddress": "127.64.0.9"}
        ec2.run_instances("ami-1", 1, None, ["default"], is_instance_type_default=True, nics=[nic])
        assert "127.64.0.9" in subnet._subnet_ips, ADVICE


def test_systems_manager_finds_documents_by_one_method_and_answers_by_names_of_operations() -> None:
    register()
    assert "_get_documents" in vars(SimpleSystemManagerBackend), ADVICE
    for method in ("send_command", "list_commands", "get_command_invocation"):
        assert getattr(SimpleSystemManagerResponse, method).__module__ == "sandbox.ssm.responses", ADVICE


def test_what_is_replaced_in_other_services_is_there() -> None:
    register()
    assert {"register", "health_for"} <= set(vars(FakeTargetGroup)), ADVICE
    assert {"system_status", "instance_status"} <= set(vars(Instance)), ADVICE
    assert "describe_alarms" in vars(CloudWatchResponse), ADVICE
    assert "put_metric_alarm" in vars(CloudWatchBackend), ADVICE
    assert {"invoke", "get_function_configuration"} <= set(vars(LambdaResponse)), ADVICE
    assert moto.backends.get_backend("route53recoverycluster") is route53recoverycluster_backends, ADVICE


def test_sts_gives_sessions_by_one_method_that_is_called_with_names() -> None:
    register()
    asked = {"region_name", "role_arn", "duration", "external_id"}
    assert asked <= set(inspect.signature(STSBackend.assume_role).parameters), ADVICE
