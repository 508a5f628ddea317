"""Addresses in the AWS console."""

from __future__ import annotations

import pytest

from drs_recovery.web.shared.instances import instance_link, job_link, source_server_link


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("ap-southeast-2", "ap-southeast-2.console.aws.amazon.com"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_a_link_leads_to_the_console_of_the_regions_partition(region: str, host: str) -> None:
    link = instance_link(region, "i-0123456789abcdef0")
    place = "#InstanceDetails:instanceId=i-0123456789abcdef0"
    assert link.url == f"https://{host}/ec2/home?region={region}{place}"
    assert link.text == "i-0123456789abcdef0"


def test_servers_and_jobs_are_shown_by_drs() -> None:
    home = "https://us-east-1.console.aws.amazon.com/drs/home?region=us-east-1#"
    assert source_server_link("us-east-1", "s-1").url == f"{home}/sourceServers/s-1"
    assert job_link("us-east-1", "drsjob-1").url == f"{home}/launchHistory/drsjob-1"


@pytest.mark.parametrize(
    "region", ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "", "evil.example/#"]
)
def test_where_no_console_is_known_there_is_text_without_a_link(region: str) -> None:
    link = job_link(region, "drsjob-1")
    assert (link.text, link.url) == ("drsjob-1", None)


def test_a_hostile_id_stays_inside_its_part_of_the_address() -> None:
    url = instance_link("us-east-1", "i-1&x=<script>/../").url
    assert url is not None
    assert url.endswith("instanceId=i-1%26x%3D%3Cscript%3E%2F..%2F")
