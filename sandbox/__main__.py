"""``python -m sandbox``: serve a local AWS until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from sandbox.clock import SimulatedClock
from sandbox.scenario import Scenario, ScenarioRefusedError, load_scenario
from sandbox.server import SandboxServer
from sandbox.world import WORLD


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes."""
    options = _parser().parse_args(argv)
    try:
        scenario = load_scenario(options.scenario) if options.scenario else Scenario()
    except ScenarioRefusedError as error:
        return _refuse(str(error))
    scenario = dataclasses.replace(scenario, seed=scenario.seed and not options.no_seed)
    speed = options.speed or scenario.speed or 1.0
    WORLD.reset(SimulatedClock(speed))
    try:
        server = SandboxServer(
            options.host,
            options.port,
            scenario,
            application_port=options.application_port,
            logs_requests=options.log_requests,
        )
    except OSError as error:
        return _refuse(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    return _serve(server, run_commands=options.run_commands)


def _serve(server: SandboxServer, *, run_commands: bool) -> int:
    stopped = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stopped.set())
    WORLD.runs_commands = run_commands
    server.start()
    sys.stdout.write(f"sandbox ready {server.url}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop()
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(f"sandbox: {message}\n")
    return 2


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=5566, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--application-port",
        type=int,
        default=18080,
        help="port of the recovered servers' applications; 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument("--speed", type=_positive, help="simulated seconds a real second (default: 1)")
    parser.add_argument("--scenario", type=Path, help="YAML file with servers, quotas and faults")
    parser.add_argument(
        "--run-commands",
        action="store_true",
        help="really run the scripts of AWS-RunShellScript, on this machine: whoever reaches the port can",
    )
    parser.add_argument("--no-seed", action="store_true", help="start without the demo servers")
    parser.add_argument("--log-requests", action="store_true", help="write each request to stderr")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
