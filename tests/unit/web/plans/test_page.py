"""What the page of plans says of each plan, and which comes first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan.loader import LoadedPlans
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.cards import PlanCard
from drs_recovery.web.plans.page import PlansView, plans_view
from drs_recovery.web.plans.plan_history import PlanHistory, PlanKind
from drs_recovery.web.shared.results import ObjectiveState
from tests.plan_documents import application, database, plan, web
from tests.unit.web.plan_records import NOW, SCRIPT, execution, live

PARSED = AirflowPlanFacts(in_airflow=True)
PROBLEMS = (PlanProblem("broken.yaml", "waves[0]", "is empty"), PlanProblem("broken.yaml", "", "no id"))


def loaded(*plans: RecoveryPlan, broken: str | None = None) -> LoadedPlans:
    sources = {one.id: Path("plans") / f"{one.id}.yaml" for one in plans}
    if broken is None:
        return LoadedPlans({one.id: one for one in plans}, {}, sources)
    sources[broken] = Path("plans") / "broken.yaml"
    return LoadedPlans({one.id: one for one in plans}, {broken: PlanError(PROBLEMS)}, sources)


def crm(**fields: Any) -> RecoveryPlan:
    return RecoveryPlan.model_validate(plan(database(), application(), **fields))


def past(**fields: Any) -> PlanHistory:
    drill = execution()
    return PlanHistory(**{"last_drill": drill, "last_good_drill": drill, **fields})


def view(
    plans: LoadedPlans,
    pasts: Mapping[str, PlanHistory] | None = None,
    airflow: Mapping[str, AirflowPlanFacts] | None = None,
) -> PlansView:
    return plans_view(plans, pasts or {}, airflow, NOW)


def card(
    made: RecoveryPlan | None = None,
    facts: AirflowPlanFacts | None = PARSED,
    before: PlanHistory | None = None,
) -> PlanCard:
    airflow = None if facts is None else {"crm": facts}
    (found,) = view(loaded(made or crm()), {"crm": before or past()}, airflow).cards
    return found


def test_a_card_says_what_the_plan_is() -> None:
    found = card(
        crm(
            name="CRM",
            description="Sales",
            owner="crm-team",
            tags=["crm", "tier-1"],
            schedule={"cron": "0 3 1 * *", "timezone": "America/New_York"},
        )
    )

    about = found.about
    assert (about.name, about.description, about.owner) == ("CRM", "Sales", "crm-team")
    assert (about.tier, about.tags) == ("tier-1", ("crm",))
    assert (about.servers, about.waves) == ("4 servers", "2 waves")
    assert about.schedule == "At 03:00, on day 1 of the month (America/New_York)"
    assert (found.plan_id, found.dag_id, found.file) == ("crm", "recover_crm", "crm.yaml")


@pytest.mark.parametrize(
    ("groups", "servers"),
    [
        ({"database": {"tags": {"a": "b"}}}, "2 servers and all with certain tags"),
        ({"database": {"tags": {"a": "b"}}, "application": {"tags": {"c": "d"}}}, "all with certain tags"),
    ],
)
def test_servers_that_tags_will_find_are_not_counted(groups: dict[str, Any], servers: str) -> None:
    assert card(crm(groups=groups)).about.servers == servers


def test_the_last_good_drill_is_held_against_the_objectives_of_now() -> None:
    drill = execution(measured={"rto": 3000.0, "rpo": 1200.0})

    found = card(crm(objectives={"rto": "PT1H", "rpo": "PT15M"}), before=past(last_good_drill=drill))

    assert [one.sentence for one in found.objectives] == [
        "RTO 50 min of 1 h: met",
        "RPO 20 min of 15 min: missed by 5 min",
    ]


@pytest.mark.parametrize(
    ("measured", "objectives", "states", "sentence"),
    [
        ({}, {"rto": "PT1H"}, "NOT_MEASURED NO_OBJECTIVE", "RTO not measured; the objective is 1 h"),
        ({"rto": 60.0}, {}, "NO_OBJECTIVE NO_OBJECTIVE", "RTO 1 min; the plan has no objective"),
        ({}, {}, "NO_OBJECTIVE NO_OBJECTIVE", "RTO not measured; the plan has no objective"),
        ({"rto": 3600.2}, {"rto": "PT1H"}, "MISSED NO_OBJECTIVE", "RTO 1 h of 1 h: missed by 1 s"),
        ({"rto": 0.0}, {"rto": "PT1H"}, "MET NO_OBJECTIVE", "RTO 0 s of 1 h: met"),
    ],
)
def test_an_objective_without_a_measure_and_a_measure_without_an_objective_are_told(
    measured: dict[str, float], objectives: dict[str, str], states: str, sentence: str
) -> None:
    drill = execution(measured=measured)

    found = card(crm(objectives=objectives), before=past(last_good_drill=drill))

    assert [one.state for one in found.objectives] == [ObjectiveState(state) for state in states.split()]
    assert found.objectives[0].sentence == sentence


def test_a_plan_that_was_never_drilled_has_nothing_measured() -> None:
    found = card(crm(objectives={"rto": "PT1H"}), before=PlanHistory())

    assert found.objectives[0].state is ObjectiveState.NOT_MEASURED
    assert found.proof.is_warning
    assert (found.last_drill, found.last_recovery, found.live) == (None, None, ())


def test_what_may_be_older_than_what_was_looked_at_is_not_called_never() -> None:
    assert card(before=PlanHistory()).never == "never"
    assert card(before=PlanHistory(looked_back=100)).never == "not among its last 100 executions"


@pytest.mark.parametrize(
    ("kind", "fields", "warned"),
    [
        (
            "last_drill",
            {"terminationError": "denied"},
            ("Not every instance of the last drill could be terminated",),
        ),
        (
            "last_recovery",
            {"terminationError": "denied"},
            ("Not every instance of the last real recovery could be terminated",),
        ),
        ("last_drill", {"terminationError": "denied", "instancesTerminated": True}, ()),
        ("last_drill", {}, ()),
    ],
)
def test_instances_that_could_not_be_terminated_are_warned_of(
    kind: str, fields: dict[str, Any], warned: tuple[str, ...]
) -> None:
    assert card(before=past(**{kind: execution(**fields)})).warnings == warned


def test_the_last_drill_is_shown_although_it_was_no_good_one() -> None:
    failed = execution(5, status="FAILED", ticket="CHG-1")

    found = card(before=past(last_drill=failed)).last_drill

    assert found is not None
    assert (found.execution_id, found.status.word) == ("e5", "Failed")
    assert (found.note, found.duration, found.ticket) == ("1 of 2 waves completed", "30 min", "CHG-1")


def test_a_drill_of_some_waves_does_not_look_like_one_of_all() -> None:
    found = card(before=past(last_drill=execution(completedWaves=1))).last_drill

    assert found is not None
    assert (found.status.word, found.note) == ("Completed", "1 of 2 waves completed")


def test_a_live_execution_has_no_end_and_cannot_be_taken_for_a_drill_if_it_is_real() -> None:
    (found,) = card(before=past(live=(live(executionType="RECOVERY"),))).live

    assert found.badge.is_real
    assert (found.ended, found.duration, found.note) == (None, "", "")


def test_a_dry_run_is_marked_as_one() -> None:
    (found,) = card(before=past(live=(live(dryRun=True),))).live

    assert found.badge.is_dry_run
    assert found.note == "launched nothing"


def test_a_plan_that_differs_from_the_one_that_was_drilled_is_marked() -> None:
    made = crm()
    same, other = execution(planHash=made.digest()), execution(planHash="other")

    assert card(made, before=past(last_good_drill=same)).changed_since_proof is False
    assert card(made, before=past(last_good_drill=other)).changed_since_proof is True
    assert card(made, before=PlanHistory()).changed_since_proof is None


def test_the_next_drill_is_what_airflow_says() -> None:
    found = card(crm(schedule={"cron": "@daily"}), AirflowPlanFacts(in_airflow=True, next_run=NOW))

    assert found.next_run is not None
    assert (found.next_run.text, found.next_run_note) == ("2027-01-15 08:00:00 UTC", "")


@pytest.mark.parametrize(
    ("schedule", "facts", "note"),
    [
        (True, None, "not known: Airflow could not be asked"),
        (
            True,
            AirflowPlanFacts(in_airflow=True, is_paused=True, next_run=NOW),
            "none while the plan is paused",
        ),
        (True, PARSED, "not known to Airflow yet"),
        (False, PARSED, "no schedule"),
    ],
)
def test_why_there_is_no_next_drill_is_told(
    schedule: bool, facts: AirflowPlanFacts | None, note: str
) -> None:
    found = card(crm(schedule={"cron": "@daily"} if schedule else None), facts)

    assert (found.next_run, found.next_run_note) == (None, note)


@pytest.mark.parametrize(
    ("facts", "begins", "can_start"),
    [
        (AirflowPlanFacts(in_airflow=False), "Airflow has not read this plan", False),
        (AirflowPlanFacts(in_airflow=True, is_paused=True), "Paused in Airflow", True),
        (
            AirflowPlanFacts(in_airflow=True, has_import_error=True),
            "Airflow could not load the DAG file",
            True,
        ),
        (
            AirflowPlanFacts(in_airflow=True, is_placeholder=True, is_paused=True),
            "Airflow still has the errors",
            False,
        ),
    ],
)
def test_what_airflow_has_against_a_plan_is_told(
    facts: AirflowPlanFacts, begins: str, can_start: bool
) -> None:
    found = card(facts=facts)

    (warning,) = found.warnings
    assert warning.startswith(begins)
    assert found.can_start is can_start


def test_a_plan_of_which_airflow_was_asked_and_knows_nothing_is_told() -> None:
    (found,) = view(loaded(crm()), {}, {}).cards

    assert found.warnings == ("Airflow has not read this plan: it cannot be started yet",)
    assert not found.can_start


def test_nothing_is_said_of_an_airflow_that_could_not_be_asked() -> None:
    assert card(facts=None).warnings == ()


def test_a_broken_plan_shows_every_error_and_its_past() -> None:
    placeholder = AirflowPlanFacts(in_airflow=True, is_placeholder=True, is_paused=True, tags=("tier-2",))

    (found,) = view(loaded(broken="payroll"), {"payroll": past()}, {"payroll": placeholder}).cards

    assert (found.kind, found.errors, found.file) == (PlanKind.BROKEN, PROBLEMS, "broken.yaml")
    assert (found.about.name, found.about.tier, found.can_start) == ("payroll", "tier-2", False)
    assert (found.warnings, found.changed_since_proof) == ((), None)
    assert found.last_drill is not None


def test_a_broken_plan_whose_good_version_airflow_still_has_is_told() -> None:
    (found,) = view(loaded(broken="payroll"), {}, {"payroll": PARSED}).cards

    assert found.warnings[0].startswith("Airflow still has the version before the errors")


def test_a_plan_that_is_not_on_record_yet_is_shown_by_what_airflow_knows() -> None:
    facts = AirflowPlanFacts(in_airflow=True, name="Payroll", tags=("hr",), next_run=NOW)

    (found,) = view(LoadedPlans(), {"payroll": past()}, {"payroll": facts}).cards

    assert (found.kind, found.about.name, found.about.tags) == (PlanKind.NO_FILE, "Payroll", ("hr",))
    assert found.warnings[0].startswith("The plan is not on record yet")
    assert found.next_run is not None
    assert found.can_start


def test_a_real_recovery_comes_before_drills_that_run() -> None:
    pasts = {
        "a-drill": past(live=(live(),)),
        "b-real": past(live=(live(), live(10, executionType="RECOVERY", isDrill=False))),
    }

    found = view(loaded(crm(id="a-drill"), crm(id="b-real")), pasts)

    assert [one.plan_id for one in found.cards] == ["b-real", "a-drill"]


def test_live_plans_come_first_then_broken_ones_then_those_without_proof_then_warnings_then_by_name() -> None:
    names = {"a-good": "zebra", "b-good": "Ant", "c-paused": "c", "d-overdue": "d", "f-live": "z"}
    plans = loaded(*(crm(id=one, name=name) for one, name in names.items()), broken="e-broken")
    pasts = {one: past() for one in (*names, "e-broken")} | {
        "d-overdue": past(last_good_drill=execution(days_ago=400)),
        "f-live": past(live=(live(),)),
    }
    airflow = dict.fromkeys((*names, "e-broken"), PARSED) | {
        "c-paused": AirflowPlanFacts(in_airflow=True, is_paused=True)
    }

    found = view(plans, pasts, airflow)

    assert [one.plan_id for one in found.cards] == [
        "f-live",
        "e-broken",
        "d-overdue",
        "c-paused",
        "b-good",
        "a-good",
    ]
    assert [line.split()[0] for line in found.headline] == ["1", "1", "1"]
    assert found.headline == (
        "1 of 6 plans has a live execution",
        "1 of 6 plans has errors and cannot be used",
        "1 of 6 plans has no recent good drill",
    )


def test_when_all_is_well_the_page_says_so() -> None:
    assert view(loaded(crm()), {"crm": past()}).headline == ("Every plan has a recent good drill",)


def test_without_plans_nothing_is_called_well() -> None:
    assert view(LoadedPlans()).headline == ("There are no plans",)


def test_markup_in_a_plan_stays_text() -> None:
    found = card(crm(name=SCRIPT, description=SCRIPT, owner=SCRIPT, tags=[SCRIPT]))

    about = found.about
    assert {about.name, about.description, about.owner, *about.tags} == {SCRIPT}


def test_every_wave_is_described() -> None:
    from drs_recovery.web.plans.page import plan_waves

    made = RecoveryPlan.model_validate(
        plan(
            database(timeout="PT90M"),
            application(pause_before={"approvers": ["ann", "bob"]}, success_when="50%", on_failure="ask"),
            web(depends_on=[], success_when="all"),
            groups={"web": {"tags": {"dr:tier": "web"}}},
            approval={"recovery": {"approvers": ["it-director"]}},
        )
    )

    first, second, third = plan_waves(made)

    assert (first.after, first.timeout) == ("at once", "1 h 30 min")
    assert first.gate == "asks it-director in a real recovery"
    assert first.groups == ("database: 2 servers, us-east-1",)
    assert (second.after, second.gate) == ("after Database", "asks ann or bob")
    assert (second.success, second.failure) == ("50% of its servers launch", "people are asked")
    assert (third.number, third.after, third.success) == (3, "at once", "every server launches")
    assert third.groups == ("web: servers with dr:tier=web, us-east-1",)
