"""What is known of one server."""

from __future__ import annotations

from drs_recovery.web.executions.servers import ServerRow, server_row
from drs_recovery.web.shared.formatting import Moment
from tests.unit.web.documents import START, Fields, document, server, wave


def row(fields: Fields) -> ServerRow:
    state = document("POLLING", wave("POLLING", fields))
    return server_row(state["waves"][0]["serverStatuses"][0], 2_000)


def test_a_ready_server_has_its_instance_address_and_links() -> None:
    shown = row(server("db-1", hostname="ip-10-0-0-7", pointInTime=START - 300))
    assert (shown.name, shown.phase.word, shown.launch_status) == ("db-1", "Ready", "LAUNCHED")
    assert shown.instance is not None
    assert shown.instance.text == "i-db-1"
    assert (shown.instance_type, shown.instance_state) == ("m5.large", "running")
    assert (shown.address, shown.hostname) == ("10.0.0.7", "ip-10-0-0-7")
    assert shown.source.url == (
        "https://us-east-1.console.aws.amazon.com/drs/home?region=us-east-1#/sourceServers/s-01000"
    )
    assert shown.job is not None
    assert shown.job.url is not None
    assert shown.job.url.endswith("#/launchHistory/drsjob-1")
    assert (shown.point_in_time, shown.launched) == (Moment.at(START - 300), Moment.at(START + 120))


def test_a_server_of_which_nothing_is_known_has_no_links_to_nowhere() -> None:
    shown = row(server("db-1", "PENDING"))
    assert (shown.instance, shown.job, shown.address, shown.launched, shown.error) == (None,) * 5
    assert shown.launch_status is None
    assert (shown.attempt, shown.earlier, shown.actions) == (1, (), ())


def test_an_instance_without_details_is_linked_by_its_recovery_instance_id() -> None:
    shown = row(server("db-1", "LAUNCHED", recoveryInstanceId="i-9"))
    assert shown.instance is not None
    assert shown.instance.text == "i-9"


def test_post_launch_actions_tell_their_state_and_why_they_failed() -> None:
    actions = [
        {"name": "CloudWatch", "optional": True, "status": "FAILED", "reason": "no role"},
        {"name": "Verify", "optional": False, "status": "SKIPPED_BY_AWS"},
    ]
    failed, unknown = row(server(postLaunchActions=actions)).actions
    assert (failed.name, failed.mark.word, failed.is_optional, failed.reason) == (
        "CloudWatch",
        "Failed",
        True,
        "no role",
    )
    assert (unknown.mark.word, unknown.is_optional, unknown.reason) == ("Skipped by aws", False, None)


def test_what_earlier_attempts_left_is_shown() -> None:
    left = [{"jobId": "drsjob-0", "instanceId": "i-0"}, {"jobId": "drsjob-00"}]
    shown = row(server(attempt=3, previousInstances=left))
    assert shown.attempt == 3
    assert [(one.instance and one.instance.text, one.job and one.job.text) for one in shown.earlier] == [
        ("i-0", "drsjob-0"),
        (None, "drsjob-00"),
    ]


def test_a_state_that_aws_added_is_shown_as_it_is() -> None:
    assert row(server("db-1", "LAUNCH", launchStatus="WARMING_UP")).launch_status == "WARMING_UP"
