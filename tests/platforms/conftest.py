"""An environment with the wheel for each Python and each Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platforms.installing import BY_HAND, PYTHONS, Installed, build_wheel, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(
    scope="session", params=[*(pytest.param(one, id=name) for name, one in PYTHONS.items()), *BY_HAND]
)
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    return install(wheel, request.param, tmp_path_factory.mktemp("installed"))
