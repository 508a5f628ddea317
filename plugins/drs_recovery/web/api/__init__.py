"""The JSON API, ``/recovery/api/v1``."""

from __future__ import annotations

from fastapi import APIRouter

from drs_recovery.web.api import actions, executions, openapi, plans

router = APIRouter()
router.include_router(plans.router)
router.include_router(executions.router)
router.include_router(actions.router)
router.include_router(openapi.router)
