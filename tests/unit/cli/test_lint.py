"""The commands that check plans: what they print, how they end, and what they do not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from drs_recovery.cli import main
from tests.unit.plan.documents import changed, write_plan

PROJECT = Path(__file__).resolve().parents[3]
WITHOUT_AIRFLOW_AND_AWS = """
import runpy, sys
for name in ("airflow", "boto3", "botocore", "aiobotocore", "moto"):
    sys.modules[name] = None
sys.argv[0] = "drs_recovery"
runpy.run_module("drs_recovery", run_name="__main__")
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in which importing Airflow or boto3 is an error."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_AIRFLOW_AND_AWS, *arguments],
        cwd=PROJECT,
        env={"PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_sample_plans_are_linted_without_airflow_and_aws() -> None:
    result = run("lint", "include/plans")

    assert (result.returncode, result.stdout, result.stderr) == (0, "3 plans, no problems\n", "")


def test_every_problem_is_a_line_and_the_end_is_a_summary(tmp_path: Path) -> None:
    write_plan(tmp_path / "bad.yaml", changed({"id": "bad", "region": "nowhere", "owner": 7}))
    write_plan(tmp_path / "good.yaml", changed({"id": "good"}))
    (tmp_path / "worse.yaml").touch()

    result = run("lint", str(tmp_path))

    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        'bad.yaml: region: "nowhere" is not an AWS Region name such as us-east-1',
        'bad.yaml: owner: 7 is a number; put it in quotes: "7"',
        "worse.yaml: is empty; expected a plan",
        "3 plans, 3 problems in 2 of them",
    ]


def test_the_sample_plans_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)

    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "3 plans, no problems\n"


def test_files_and_directories_are_one_set_of_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more").mkdir()
    first = write_plan(tmp_path / "first.yaml", changed({"id": "crm"}))
    second = write_plan(tmp_path / "more" / "second.yaml", changed({"id": "crm"}))

    assert main(["lint", str(first), str(tmp_path / "more")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f'first.yaml: id: "crm" is also the id of the plan in {second}',
        f'second.yaml: id: "crm" is also the id of the plan in {first}',
        "2 plans, 2 problems in 2 of them",
    ]


def test_a_file_given_twice_is_read_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_plan(tmp_path / "crm.yaml", changed({"id": "crm"}))

    assert main(["lint", str(path), str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 plan, no problems\n"


def test_one_plan_with_a_problem_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_plan(tmp_path / "crm.yaml", changed({"id": "crm", "region": "nowhere"}))

    assert main(["lint", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 plan, 1 problem in 1 of them"


def test_a_path_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tmp_path / "plans")]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"{tmp_path}/plans: cannot list plans: No such file or directory\n"


def test_the_schema_is_printed_without_airflow_and_aws() -> None:
    result = run("schema")

    assert result.returncode == 0
    assert result.stdout == (PROJECT / "include" / "plan.schema.json").read_text(encoding="utf-8")


def test_the_schema_check_tells_an_old_file_from_a_current_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.schema.json"
    path.write_text("{}\n", encoding="utf-8")

    assert main(["schema", "--check", str(PROJECT / "include" / "plan.schema.json")]) == 0
    assert main(["schema", "--check", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path} is not current; ")


def test_a_schema_file_that_is_not_there_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.schema.json"

    assert main(["schema", "--check", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: cannot be read: ")


def test_an_unknown_command_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reboot"])

    assert ended.value.code == 2
    assert "invalid choice: 'reboot'" in capsys.readouterr().err
