from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.scenario import ScenarioRefusedError, load_scenario


def test_a_scenario_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(
        """
        seed: false
        speed: 60
        quotas: {jobs_in_progress: 2}
        source_servers:
          - {id: s-0000000000000000n, name: new, region: eu-west-1, os: windows}
        faults:
          - {kind: launch_failed, server: s-0000000000000000n, times: 1}
        """
    )
    scenario = load_scenario(path)
    assert (scenario.seed, scenario.speed, len(scenario.source_servers)) == (False, 60, 1)
    assert scenario.faults[0]["kind"] == "launch_failed"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("spede: 1", "some of the keys seed, speed, quotas, source_servers, faults"),
        ("- 1", "expected an object"),
        ("speed: fast", "expected a number above 0"),
        ("quotas: {jobs: 1}", "jobs_in_progress"),
        ("faults: [{kind: lunch_failed}]", "did you mean launch_failed"),
        ("source_servers: [{id: 1}]", "17 letters or digits"),
        ("faults: [", "while parsing"),
    ],
)
def test_a_bad_scenario_is_refused_with_the_file(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioRefusedError, match=problem) as error:
        load_scenario(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_missing_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioRefusedError, match="No such file"):
        load_scenario(tmp_path / "none.yaml")
