"""The pages that people see."""

from __future__ import annotations

from fastapi import APIRouter

from drs_recovery.web.executions import page as executions
from drs_recovery.web.executions import page as runs
from drs_recovery.web.plans import page as plans

router = APIRouter(include_in_schema=False)
for part in (plans, executions, runs):
    router.include_router(part.router)
