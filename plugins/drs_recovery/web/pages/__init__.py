"""The pages that people see."""

from __future__ import annotations

from fastapi import APIRouter

from drs_recovery.web.pages import executions, plans, runs

router = APIRouter(include_in_schema=False)
for part in (plans, executions, runs):
    router.include_router(part.router)
