"""One wave's life: start, retry, observation, enrichment, verdict, and the questions about it."""

from drs_recovery.waves.enrichment import InstanceEnricher, has_details, needs_details, refresh_details
from drs_recovery.waves.late_jobs import (
    LATE_START_SECONDS,
    may_get_jobs,
    record_late_jobs,
    waves_to_search,
    waves_without_all_jobs,
)
from drs_recovery.waves.observation import JobAnswer, has_ended, job_seen, joined, requested_at
from drs_recovery.waves.polling import (
    PollResult,
    WaveWatcher,
    demand_account_of_unlisted,
    is_settled,
    log_trouble,
    open_jobs,
    poll_of,
    record_problem,
)
from drs_recovery.waves.post_launch import are_awaited
from drs_recovery.waves.questions import Question, failure_question, question_of
from drs_recovery.waves.queue_wait import QueuedWave
from drs_recovery.waves.reservations import join_queue_early, leave_queue_early, leave_queues
from drs_recovery.waves.retry import begin_retry, choose_servers, resume_after_steps
from drs_recovery.waves.rules import (
    blocked_by,
    check_admitted,
    check_dependencies,
    check_may_start,
    check_not_cancelled,
    check_not_ending,
    check_steps_hold,
    deadline_of,
    failures_of,
    gate_is_asked,
    has_launched,
    last_trouble,
    needs_no_more_polls,
    recorded_failure,
    refused_gate,
    refusing_wave,
    skip_reason,
    wave_label,
    wave_of,
)
from drs_recovery.waves.start import WaveStarter
from drs_recovery.waves.step_end import end_open_steps
from drs_recovery.waves.step_life import StepLife
from drs_recovery.waves.step_questions import step_question
from drs_recovery.waves.verdict import WaveEnd, instance_ids

__all__ = [
    "LATE_START_SECONDS",
    "InstanceEnricher",
    "JobAnswer",
    "PollResult",
    "Question",
    "QueuedWave",
    "StepLife",
    "WaveEnd",
    "WaveStarter",
    "WaveWatcher",
    "are_awaited",
    "begin_retry",
    "blocked_by",
    "check_admitted",
    "check_dependencies",
    "check_may_start",
    "check_not_cancelled",
    "check_not_ending",
    "check_steps_hold",
    "choose_servers",
    "deadline_of",
    "demand_account_of_unlisted",
    "end_open_steps",
    "failure_question",
    "failures_of",
    "gate_is_asked",
    "has_details",
    "has_ended",
    "has_launched",
    "instance_ids",
    "is_settled",
    "job_seen",
    "join_queue_early",
    "joined",
    "last_trouble",
    "leave_queue_early",
    "leave_queues",
    "log_trouble",
    "may_get_jobs",
    "needs_details",
    "needs_no_more_polls",
    "open_jobs",
    "poll_of",
    "question_of",
    "record_late_jobs",
    "record_problem",
    "recorded_failure",
    "refresh_details",
    "refused_gate",
    "refusing_wave",
    "requested_at",
    "resume_after_steps",
    "skip_reason",
    "step_question",
    "wave_label",
    "wave_of",
    "waves_to_search",
    "waves_without_all_jobs",
]
