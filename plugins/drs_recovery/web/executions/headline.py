"""What a person must see within ten seconds: drill or real, what happens now, what to press."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.web.allowed_actions import is_live
from drs_recovery.web.executions.next_steps import NextStep
from drs_recovery.web.executions.sentences import now_sentence
from drs_recovery.web.shared.badges import Badge, badge_of
from drs_recovery.web.shared.formatting import Sentence
from drs_recovery.web.shared.instances import standing_request
from drs_recovery.web.shared.marks import Mark, mark_of
from drs_recovery.web.shared.timestamps import Moment, moment_if


@dataclass(frozen=True)
class Headline:
    """
    The top of the page.

    :param badge: drill or real recovery, and whether it is a dry run.
    :param status: the status, as a word that people understand.
    :param now: what happens now, or how it ended, in one sentence.
    :param next_step: what to do.
    :param last_look: when DRS was last asked; None before the first time.
    :param updated: when the record last changed.
    :param is_live: whether anything can still change by itself, so that the page is worth fetching again.
    """

    badge: Badge
    status: Mark
    now: Sentence
    next_step: NextStep
    last_look: Moment | None
    updated: Moment
    is_live: bool


def headline_of(document: Mapping[str, Any], step: NextStep) -> Headline:
    """
    The top of the page.

    :param document: the execution document.
    :param step: what to do.
    """
    polled = [wave["lastPolledTime"] for wave in document["waves"] if "lastPolledTime" in wave]
    return Headline(
        badge=badge_of(document),
        status=mark_of(document),
        now=now_sentence(document),
        next_step=step,
        last_look=moment_if(max(polled, default=None)),
        updated=Moment.at(document["lastUpdatedTime"]),
        is_live=is_live(document) or _is_being_terminated(document),
    )


def _is_being_terminated(document: Mapping[str, Any]) -> bool:
    if document.get("instancesTerminated"):
        return False
    # That everything is gone is confirmed a little after the last instance; a part is through with its own.
    open_requests = [one for one in document.get("terminationRequests") or () if "endTime" not in one]
    is_about_all = any(not one.get("waves") for one in open_requests)
    return is_about_all or standing_request(document) is not None or "terminateAfter" in document
