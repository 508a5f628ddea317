"""The console as a FastAPI app: its routes, who may use them, and how errors are told."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from drs_recovery.web import api, routes, static_files
from drs_recovery.web.errors import add_error_handlers
from drs_recovery.web.security import demand_same_origin, demand_user

API_PREFIX = "/api/v1"


def create_app() -> FastAPI:
    """
    Build the app.

    Airflow mounts a plugin's app without any check of its own, hence the dependencies: no route, not even
    one of static files, is for anonymous requests, and FastAPI's own pages, which nobody guards, are off.
    """
    app = FastAPI(
        title="Recovery console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(demand_user), Depends(demand_same_origin)],
    )
    add_error_handlers(app)
    app.include_router(api.router, prefix=API_PREFIX)
    app.include_router(static_files.router)
    app.include_router(routes.router)
    return app
