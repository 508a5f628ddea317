"""The rules of an execution as pure functions: parts, judgement, gates, starts, options, endings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from drs_recovery.closing.outcome import ending_of, settle_deadline, waves_with_running_jobs
from drs_recovery.dag_builder.trigger_form import trigger_form
from drs_recovery.exceptions import WaveRefusedError
from drs_recovery.jobs.parts import parts_of
from drs_recovery.jobs.starter import job_tags
from drs_recovery.opening.options import RunOptions, read_options
from drs_recovery.plan.message_templates import Values, sample_values
from drs_recovery.plan.model import RecoveryPlan, SuccessRule
from drs_recovery.statuses import ExecutionStatus, ExecutionType, SkipCause
from drs_recovery.waves.questions import message_values, question_of
from drs_recovery.waves.rules import (
    blocked_by,
    check_may_start,
    failures_of,
    gate_is_asked,
    needs_no_more_polls,
    refused_gate,
    shortfall,
    skip_reason,
)
from tests.plan_documents import application, database, plan, web
from tests.record_types import as_read

THREE_WAVES = RecoveryPlan.model_validate(plan(database(), application(pause_before=True), web()))


def server(name: str, phase: str = "READY", *, critical: bool = True, **more: Any) -> dict[str, Any]:
    record = {"sourceServerId": f"s-{name}", "serverName": name, "phase": phase, "critical": critical, **more}
    return as_read("SERVER", record)


def placed(count: int, region: str = "us-east-1", connection: str = "aws_default") -> list[dict[str, Any]]:
    return [
        {"sourceServerId": f"s-{region}-{number:04d}", "region": region, "connection": connection}
        for number in range(count)
    ]


def document(plan: RecoveryPlan = THREE_WAVES, *statuses: str, **more: Any) -> dict[str, Any]:
    """An execution document with waves of these statuses; the others have not started."""
    names = [wave.name for wave in plan.waves]
    padded = [*statuses, *["NOT_STARTED"] * (len(names) - len(statuses))]
    record = {
        "executionId": "e1",
        "planId": plan.id,
        "planName": plan.name,
        "planSnapshot": plan.model_dump(mode="json"),
        "executionType": "DRILL",
        "initiatedBy": "admin",
        "status": "POLLING",
        "admittedTime": 1.0,
        "waves": [
            as_read(
                "WAVE",
                {
                    "waveNumber": number,
                    "waveName": name,
                    "status": status,
                    "jobs": [],
                    "serverStatuses": [],
                    "progress": {"ready": 0, "failed": 0, "totalServers": 2},
                },
            )
            for number, (name, status) in enumerate(zip(names, padded, strict=True), start=1)
        ],
        **more,
    }
    return as_read("EXECUTION", record)


class TestParts:
    @pytest.mark.parametrize(
        ("count", "sizes"), [(1, [1]), (100, [100]), (101, [51, 50]), (200, [100, 100]), (201, [67, 67, 67])]
    )
    def test_a_job_has_100_servers_at_most_and_parts_are_even(self, count: int, sizes: list[int]) -> None:
        parts = parts_of(placed(count))

        assert [len(part.server_ids) for part in parts] == sizes
        assert sorted(id_ for part in parts for id_ in part.server_ids) == [
            row["sourceServerId"] for row in placed(count)
        ]

    def test_each_region_and_each_account_has_jobs_of_its_own(self) -> None:
        servers = [*placed(2), *placed(2, "us-west-2"), *placed(2, "us-west-2", "other_account")]

        targets = [tuple(part.target) for part in parts_of(servers)]

        assert targets == [
            ("aws_default", "us-east-1"),
            ("aws_default", "us-west-2"),
            ("other_account", "us-west-2"),
        ]

    def test_parts_do_not_depend_on_the_order_of_servers(self) -> None:
        servers = [*placed(120), *placed(3, "us-west-2")]

        assert parts_of(servers) == parts_of(reversed(servers))

    def test_no_servers_need_no_job(self) -> None:
        assert parts_of([]) == ()


class TestTags:
    def test_a_job_says_whose_it_is(self) -> None:
        execution = {"executionId": "e1", "planId": "crm", "executionType": "DRILL", "ticket": "CHG-1"}

        assert job_tags(execution, {"waveNumber": 2, "attempt": 3}, parts_of(placed(1))[0]) == {
            "dr:executionId": "e1",
            "dr:planId": "crm",
            "dr:wave": "2",
            "dr:part": "1",
            "dr:attempt": "3",
            "dr:executionType": "DRILL",
            "dr:ticket": "CHG-1",
        }

    def test_a_tag_without_a_value_is_left_out_and_a_long_one_is_cut(self) -> None:
        execution = {"executionId": "e1", "planId": "crm", "executionType": "DRILL"}
        part = parts_of(placed(1))[0]

        assert "dr:ticket" not in job_tags(execution, {"waveNumber": 1}, part)
        assert len(job_tags({**execution, "ticket": "x" * 300}, {"waveNumber": 1}, part)["dr:ticket"]) == 256


class TestJudgement:
    def test_only_failed_servers_are_failures(self) -> None:
        servers = [server("a"), server("b", "FAILED", error="why"), server("c", "FAILED", critical=False)]

        assert [str(failure) for failure in failures_of(servers)] == [
            "b (s-b): why",
            "c (s-c, not critical): no reason is known",
        ]

    @pytest.mark.parametrize(
        ("rule", "missed"),
        [("critical", None), ("all", "1 of 4 servers failed"), ("75%", None), ("76%", "3 of 4 servers")],
    )
    def test_a_failed_server_that_is_not_critical_counts_by_the_rule(
        self, rule: str, missed: str | None
    ) -> None:
        servers = [server("a"), server("b"), server("c"), server("d", "FAILED", critical=False)]

        reason = shortfall(SuccessRule.parse(rule), servers)

        assert reason is None if missed is None else missed in str(reason)

    @pytest.mark.parametrize(
        ("phase", "actions", "done"),
        [
            ("PENDING", None, False),
            ("LAUNCH", None, False),
            ("LAUNCHED", None, True),
            ("POST_LAUNCH", "IN_PROGRESS", False),
            ("POST_LAUNCH", "SUCCEEDED", True),
            ("READY", None, True),
            ("FAILED", None, True),
            ("TERMINATED", None, True),
        ],
    )
    def test_a_server_needs_polls_until_its_job_has_nothing_to_add(
        self, phase: str, actions: str | None, done: bool
    ) -> None:
        assert needs_no_more_polls(server("a", phase, postLaunchActionsStatus=actions)) is done


class TestGates:
    def test_a_pause_is_asked_in_drills_and_an_approval_only_in_recoveries(self) -> None:
        drill, recovery = document(), document(executionType="RECOVERY")

        assert [gate_is_asked(drill, THREE_WAVES, number) for number in (1, 2, 3)] == [False, True, False]
        assert [gate_is_asked(recovery, THREE_WAVES, number) for number in (1, 2, 3)] == [True, True, False]

    def test_a_dry_run_asks_nobody(self) -> None:
        assert not gate_is_asked(document(executionType="RECOVERY", dryRun=True), THREE_WAVES, 1)

    def test_a_wave_that_is_left_out_needs_no_pause_but_a_recovery_keeps_its_approval(self) -> None:
        drill = document(THREE_WAVES, "SKIPPED", "SKIPPED")
        recovery = {**drill, "executionType": ExecutionType.RECOVERY}

        assert not gate_is_asked(drill, THREE_WAVES, 2)
        assert gate_is_asked(recovery, THREE_WAVES, 1)

    def test_the_question_says_what_is_asked_of_whom_and_how_things_stand(self) -> None:
        pause = {"message": "Rows counted?", "approvers": ["dba"], "timeout": "PT4H"}
        asked = RecoveryPlan.model_validate(plan(database(), application(pause_before=pause), name="CRM"))

        question = question_of(document(asked, "COMPLETED", ticket="CHG-1"), asked, 2)

        assert question.subject == 'DRILL of CRM: start wave 2 "Application"?'
        assert (question.message, question.approvers) == ("Rows counted?", ("dba",))
        assert question.timeout.total_seconds() == 4 * 3600
        for told in ("CHG-1", "`e1`", "admin", "| 1 | Database | COMPLETED | 0 of 2 |"):
            assert told in question.body

    def test_a_pause_before_the_first_wave_of_a_recovery_is_one_question_of_the_approvers(self) -> None:
        asked = RecoveryPlan.model_validate(
            plan(
                database(pause_before={"message": "Storage quiet?", "approvers": ["dba"]}),
                approval={"recovery": {"message": "Fail over?", "approvers": ["lead"], "timeout": "PT1H"}},
            )
        )

        question = question_of(document(asked, executionType="RECOVERY"), asked, 1)

        assert question.message == "Fail over? Storage quiet?"
        assert question.approvers == ("lead",)
        assert question.timeout.total_seconds() == 3600

    def test_a_message_is_filled_in_with_the_results_and_no_value_of_it_is_markup(self) -> None:
        message = (
            "*{{ waves.Database.servers_ready }}* ready, "
            "not {{ waves.Database.failed_servers }}, {{ execution.ticket }}"
        )
        asked = RecoveryPlan.model_validate(plan(database(), application(pause_before={"message": message})))
        hostile = document(asked, "COMPLETED", ticket="<b>|", initiatedBy="[me](x)")
        hostile["waves"][0]["serverStatuses"] = [server("_a_", "FAILED"), server("b", "FAILED"), server("c")]
        hostile["waves"][0]["progress"] = {"ready": 1, "failed": 2, "totalServers": 3}

        question = question_of(hostile, asked, 2)

        assert question.message == "*1* ready, not _a_, b, <b>|"
        assert question.body.startswith("*1* ready, not &#95;a&#95;, b, &#60;b&#62;&#124;\n")
        assert "for ticket &#60;b&#62;&#124;, started by &#91;me&#93;(x)." in question.body

    def test_every_value_that_a_message_may_use_is_there_when_it_is_needed(self) -> None:
        promised, real = (
            sample_values(["Database", "Application", "Web"]),
            message_values(document(), THREE_WAVES, 2),
        )

        def names(values: Values) -> set[str]:
            inner = {name: values[name] for name in values}
            below = {
                f"{key}.{name}"
                for key, value in inner.items()
                if isinstance(value, Values)
                for name in names(value)
            }
            return {*inner, *below}

        assert names(real) == names(promised)

    def test_a_message_that_fails_while_it_is_filled_in_is_asked_as_it_was_written(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = "{{ wave.name }}?"
        asked = RecoveryPlan.model_validate(plan(database(), application(pause_before={"message": message})))
        monkeypatch.setattr("drs_recovery.waves.questions.message_values", lambda *_: Values({}))

        question = question_of(document(asked), asked, 2)

        assert question.message == message
        assert question.body.startswith(message)

    def test_a_second_person_is_asked_for_in_so_many_words(self) -> None:
        asked = RecoveryPlan.model_validate(
            plan(
                database(pause_before=True),
                approval={"recovery": {"message": "Fail over?", "two_person": True}},
            )
        )

        recovery = question_of(document(asked, executionType="RECOVERY"), asked, 1)

        assert (recovery.two_person, question_of(document(asked), asked, 1).two_person) == (True, False)
        assert recovery.message.endswith("The approval of a second person is needed: admin started it.")

    @pytest.mark.parametrize(
        ("decision", "refused"),
        [("REJECTED", True), ("TIMED_OUT", True), ("APPROVED", False), ("WAITING", False)],
    )
    def test_a_gate_refuses_what_was_not_approved(self, decision: str, refused: bool) -> None:
        asked = document()
        asked["waves"][1]["gate"] = {"decision": decision, "actor": "dba"}

        assert (refused_gate(asked) is not None) is refused
        assert (skip_reason(asked, 3) is not None) is refused


class TestStarts:
    def _approved(self, *statuses: str) -> dict[str, Any]:
        ready = document(THREE_WAVES, *statuses)
        ready["waves"][1]["gate"] = {"decision": "APPROVED", "actor": "dba"}
        return ready

    def test_a_wave_may_start_when_what_it_needs_is_on_record(self) -> None:
        check_may_start(self._approved("COMPLETED"), THREE_WAVES, 2)
        check_may_start(self._approved("SKIPPED"), THREE_WAVES, 2)

    @pytest.mark.parametrize("status", ["NOT_STARTED", "PENDING", "POLLING", "FAILED", "CANCELLED"])
    def test_a_wave_waits_for_the_one_before_it(self, status: str) -> None:
        with pytest.raises(WaveRefusedError, match=f'depends on wave 1 "Database", which is {status}'):
            check_may_start(self._approved(status), THREE_WAVES, 2)

    @pytest.mark.parametrize("decision", [None, "WAITING"])
    def test_no_approval_no_start(self, decision: str | None) -> None:
        waiting = document(THREE_WAVES, "COMPLETED")
        if decision:
            waiting["waves"][1]["gate"] = {"decision": decision}

        with pytest.raises(WaveRefusedError, match="does not approve it"):
            check_may_start(waiting, THREE_WAVES, 2)

    def test_nothing_starts_in_an_execution_that_was_not_admitted_however_its_first_task_got_green(
        self,
    ) -> None:
        refused = self._approved("SKIPPED")
        del refused["admittedTime"]

        with pytest.raises(WaveRefusedError, match="open_execution has not come to its end"):
            check_may_start(refused, THREE_WAVES, 2)
        with pytest.raises(WaveRefusedError, match="no such group"):
            check_may_start({**refused, "error": "no such group"}, THREE_WAVES, 2)

    def test_every_wave_of_a_recovery_needs_the_approval_of_its_first_waves(self) -> None:
        recovery = document(THREE_WAVES, "SKIPPED", "SKIPPED", executionType="RECOVERY")

        with pytest.raises(WaveRefusedError, match='gate of wave 1 "Database"'):
            check_may_start(recovery, THREE_WAVES, 3)

    @pytest.mark.parametrize("status", ["CANCELLING", "CANCELLED", "FAILED", "COMPLETED"])
    def test_nothing_starts_in_an_execution_that_ends(self, status: str) -> None:
        with pytest.raises(WaveRefusedError, match=status):
            check_may_start(
                {**self._approved("COMPLETED"), "status": ExecutionStatus(status)}, THREE_WAVES, 2
            )


class TestFailurePolicy:
    """Waves 2 and 3 depend on the one before; what wave 1 came to decides about both."""

    def _policy(self, on_failure: str = "stop") -> RecoveryPlan:
        return RecoveryPlan.model_validate(plan(database(on_failure=on_failure), application(), web()))

    @pytest.mark.parametrize(
        ("on_failure", "first", "starts"),
        [
            ("stop", {"status": "COMPLETED"}, True),
            ("stop", {"status": "FAILED"}, False),
            ("continue", {"status": "FAILED"}, True),
            ("ask", {"status": "FAILED"}, False),
            ("ask", {"status": "FAILED", "failureGate": {"decision": "WAITING"}}, False),
            ("ask", {"status": "FAILED", "failureGate": {"decision": "RETRY"}}, False),
            ("ask", {"status": "FAILED", "failureGate": {"decision": "STOP"}}, False),
            ("ask", {"status": "FAILED", "failureGate": {"decision": "TIMED_OUT"}}, False),
            ("ask", {"status": "FAILED", "failureGate": {"decision": "CONTINUE"}}, True),
            ("stop", {"status": "SKIPPED", "skipCause": SkipCause.NOT_CHOSEN}, True),
            ("stop", {"status": "SKIPPED", "skipCause": SkipCause.DRY_RUN}, True),
            ("stop", {"status": "SKIPPED", "skipCause": SkipCause.DEPENDENCY}, False),
            ("continue", {"status": "SKIPPED", "skipCause": SkipCause.DEPENDENCY}, False),
            ("continue", {"status": "CANCELLED"}, False),
            ("continue", {"status": "POLLING"}, False),
            ("continue", {"status": "NOT_STARTED"}, False),
        ],
    )
    def test_what_depends_on_a_wave_starts_by_what_it_came_to_and_by_the_plan(
        self, on_failure: str, first: dict[str, Any], starts: bool
    ) -> None:
        policy = self._policy(on_failure)
        ended = document(policy)
        ended["waves"][0].update(first)

        if starts:
            check_may_start(ended, policy, 2)
            assert blocked_by(ended, policy, 2) is None
        else:
            with pytest.raises(WaveRefusedError, match='depends on wave 1 "Database"'):
                check_may_start(ended, policy, 2)

    @pytest.mark.parametrize(
        ("statuses", "second", "third"),
        [
            (("FAILED",), 'wave 1 "Database", which failed', 'wave 1 "Database", which failed'),
            (
                ("FAILED", "SKIPPED"),
                'wave 1 "Database", which failed',
                'wave 2 "Application", which was skipped',
            ),
            (("COMPLETED", "FAILED"), None, 'wave 2 "Application", which failed'),
            (("COMPLETED",), None, None),
            (("POLLING",), None, None),
            (("CANCELLED",), None, None),
        ],
    )
    def test_a_failure_blocks_everything_behind_it(
        self, statuses: tuple[str, ...], second: str | None, third: str | None
    ) -> None:
        policy = self._policy()
        ended = document(policy, *statuses)
        ended["waves"][1]["skipCause"] = SkipCause.DEPENDENCY

        assert blocked_by(ended, policy, 2) == (second and f"it depends on {second}")
        assert blocked_by(ended, policy, 3) == (third and f"it depends on {third}")

    @pytest.mark.parametrize(
        ("first", "starts"), [("COMPLETED", True), ("FAILED", False), ("POLLING", False)]
    )
    def test_a_wave_behind_one_that_is_left_out_waits_for_what_that_one_depends_on(
        self, first: str, starts: bool
    ) -> None:
        policy = self._policy()
        chosen = document(policy, first, "SKIPPED")
        chosen["waves"][1]["skipCause"] = SkipCause.NOT_CHOSEN

        if starts:
            check_may_start(chosen, policy, 3)
        else:
            with pytest.raises(WaveRefusedError, match=f'wave 1 "Database", which is {first}'):
                check_may_start(chosen, policy, 3)
        assert (blocked_by(chosen, policy, 3) is not None) is (first == "FAILED")

    def test_a_wave_that_depends_on_no_failed_one_is_not_blocked(self) -> None:
        parallel = RecoveryPlan.model_validate(
            plan(database(), application(depends_on=[]), web(depends_on=["Application"]))
        )

        assert blocked_by(document(parallel, "FAILED"), parallel, 2) is None
        assert blocked_by(document(parallel, "FAILED"), parallel, 3) is None


class TestOptions:
    def _read(self, conf: dict[str, Any], run_type: str = "manual") -> RunOptions:
        defaults = {name: param.value for name, param in trigger_form(THREE_WAVES).items()}
        known = {key: value for key, value in conf.items() if key in defaults}
        dag_run = SimpleNamespace(conf=conf, run_type=run_type)
        return read_options(THREE_WAVES, {"dag_run": dag_run, "params": {**defaults, **known}})

    def test_nothing_chosen_is_a_drill_of_all_waves(self) -> None:
        assert self._read({}) == RunOptions(ExecutionType.DRILL, None, None, (1, 2, 3), False, False)

    def test_a_schedule_never_starts_a_recovery(self) -> None:
        assert self._read({"execution_type": "RECOVERY"}, "scheduled").execution_type is ExecutionType.DRILL
        assert self._read({"execution_type": "RECOVERY"}).execution_type is ExecutionType.RECOVERY

    @pytest.mark.parametrize("chosen", [[3, 1], ["Web", "Database"], ["1", "Web", 3]])
    def test_waves_are_named_by_number_or_name_and_run_in_the_plans_order(self, chosen: list[Any]) -> None:
        assert self._read({"waves": chosen}).waves == (1, 3)

    def test_everything_that_is_wrong_is_told_at_once(self) -> None:
        options = self._read({"dryrun": True, "waves": [9, "Web"], "point_in_time": "yesterday"})

        assert options.findings[0].startswith("unknown option 'dryrun', expected one of execution_type, ")
        assert options.findings[1] == (
            "unknown waves 9, expected some of 1 (Database), 2 (Application), 3 (Web)"
        )
        assert options.findings[2].startswith('point_in_time "yesterday" is neither "latest" nor a UTC time')


class TestEndings:
    def test_skipped_tasks_without_a_failure_are_a_cancellation(self) -> None:
        ending = ending_of(
            document(THREE_WAVES, "POLLING"), {"wave_02_application.start_recovery": "skipped"}
        )

        assert ending.cancelled

    def test_skipped_tasks_of_a_wave_that_was_left_out_are_none(self) -> None:
        states = {"wave_02_application.start_recovery": "skipped"}

        assert not ending_of(document(THREE_WAVES, "COMPLETED", "SKIPPED"), states).cancelled

    def test_a_failed_wave_is_a_failure_even_if_tasks_behind_it_are_skipped(self) -> None:
        ending = ending_of(document(THREE_WAVES, "FAILED"), {"wave_03_web.start_recovery": "skipped"})

        assert not ending.cancelled
        assert 'wave 1 "Database" failed' in ending.reason

    def test_a_refused_gate_is_a_cancellation_by_whoever_refused(self) -> None:
        rejected = document(THREE_WAVES, "COMPLETED")
        rejected["waves"][1]["gate"] = {"decision": "REJECTED", "actor": "dba", "comment": "rows missing"}

        ending = ending_of(rejected, {})

        assert (ending.cancelled, ending.actor) == (True, "dba")
        assert ending.reason.endswith("was REJECTED by dba: rows missing")

    def test_jobs_are_open_until_drs_called_them_completed(self) -> None:
        running = document(THREE_WAVES, "FAILED", "POLLING", "POLLING")
        for wave, status in zip(running["waves"], ("STARTED", "COMPLETED", "PENDING"), strict=True):
            wave["jobs"] = [{"status": "COMPLETED"}, {"status": status}]

        assert waves_with_running_jobs(running) == [1, 3]

    def test_running_jobs_are_followed_for_twice_the_longest_time_out(self) -> None:
        started = RecoveryPlan.model_validate(
            plan(database(timeout="PT10M"), application(timeout="PT20M", depends_on=[]), web())
        )
        running = document(started, "POLLING", "POLLING")
        running["waves"][0]["startTime"] = running["waves"][1]["startTime"] = 1000.0

        assert settle_deadline(running) == 1000 + 2 * 20 * 60
        assert settle_deadline(document()) == 0

    def test_a_long_time_out_of_a_wave_that_has_settled_keeps_nobody_waiting(self) -> None:
        started = RecoveryPlan.model_validate(
            plan(database(timeout="PT10M"), application(timeout="PT20M", depends_on=[]), web())
        )
        running = document(started, "FAILED", "COMPLETED")
        for wave, status in zip(running["waves"], ("STARTED", "COMPLETED"), strict=False):
            wave.update(startTime=1000.0, jobs=[{"status": status}])

        assert settle_deadline(running) == 1000 + 2 * 10 * 60


@pytest.mark.parametrize(
    ("depends_on", "waves"), [([None, None, None], 3), ([[], [], []], 1), ([None, [], ["Database"]], 2)]
)
def test_the_longest_chain_counts_waves_that_run_one_after_another(
    depends_on: list[list[str] | None], waves: int
) -> None:
    chosen = [
        wave if names is None else {**wave, "depends_on": names}
        for wave, names in zip((database(), application(), web()), depends_on, strict=True)
    ]

    assert max(RecoveryPlan.model_validate(plan(*chosen)).depths().values()) == waves
