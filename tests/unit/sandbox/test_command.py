"""The command, as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.testing import Sandbox

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("speed: 5\nfaults: [{kind: skipped}]\n")
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--speed", "60", "--scenario", str(scenario)]
    with subprocess.Popen(
        command, cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def test_the_command_says_where_it_is_serves_and_ends_at_sigterm(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    assert process.stderr
    ready = process.stdout.readline()
    address = re.fullmatch(r"sandbox ready (http://127\.0\.0\.1:\d+)\n", ready)
    assert address, ready
    sandbox = Sandbox(address[1])
    assert sandbox.control("GET", "/health")["speed"] == 60
    assert sandbox.control("GET", "/faults")["faults"][0]["kind"] == "skipped"
    assert len(sandbox.client("drs").describe_source_servers()["items"]) == 6
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert time.monotonic() - asked < 3
    assert process.stdout.read() == ""
    assert process.stderr.read() == ""


def test_a_bad_scenario_ends_the_command_with_an_explanation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("faults: [{kind: nope}]")
    assert main(["--scenario", str(tmp_path / "bad.yaml")]) == 2
    assert "unknown fault kind 'nope'" in capsys.readouterr().err


def test_an_address_that_is_not_here_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    # TEST-NET-1 is never assigned.
    assert main(["--host", "192.0.2.1", "--port", "0"]) == 2
    assert "cannot listen on 192.0.2.1:0" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-5", "fast"])
def test_a_speed_that_is_not_above_0_is_refused(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--speed", speed])
    assert "--speed" in capsys.readouterr().err
