"""Command line: ``python -m devstack up|down|status|demo|messages|exec``."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from devstack.components import HEALTHY, stack_health
from devstack.demo import DemoOptions, run_demo
from devstack.errors import DevstackError
from devstack.layout import AUTO, StackSettings
from devstack.records import unread_messages
from devstack.stack import Stack, access

_DEFAULTS = StackSettings()
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: command line without the program's name; by default the process's own.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[Stack, Namespace], int] = options.command
    _handle_signals()
    try:
        return command(Stack(_settings(options), say=_say), options)
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED


def _handle_signals() -> None:
    """Clean up whatever ends a start: Ctrl-C, a `kill`, a closed terminal."""
    # A shell without job control starts background jobs with Ctrl-C ignored, and Python leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _leave)
    # nohup asks for exactly that.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m devstack", description="A local AWS and Airflow on this machine.")
    parser.add_argument(
        "--home", type=Path, default=_DEFAULTS.home, help="runtime files (default: %(default)s)"
    )
    parser.add_argument("--dags", type=Path, default=_DEFAULTS.dags_folder, help="DAGs folder")
    parser.add_argument("--plans", type=Path, default=_DEFAULTS.plans_dir, help="folder of recovery plans")
    parser.add_argument(
        "--speed",
        type=float,
        default=_DEFAULTS.speed,
        help="of the sandbox, 1 is as slow as AWS (%(default)g)",
    )
    parser.add_argument(
        "--poll-interval", type=float, default=_DEFAULTS.poll_interval, help="seconds (%(default)g)"
    )
    parser.add_argument(
        "--parse-interval",
        type=int,
        default=_DEFAULTS.parse_interval,
        help="seconds between two looks at the plans (%(default)d)",
    )
    parser.add_argument(
        "--database",
        default=AUTO,
        metavar="auto|sqlite|postgresql|URL",
        help="of Airflow (auto: PostgreSQL where it is installed, else an SQLite file)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("up", help="start it, unless it runs").set_defaults(command=_up)
    commands.add_parser("down", help="end it").set_defaults(command=_down)
    commands.add_parser("status", help="say how each process is").set_defaults(command=_status)
    demo = commands.add_parser("demo", help="start it and run a drill")
    demo.add_argument("--plan", default="three-tier-crm", help="id of the plan (%(default)s)")
    demo.add_argument("--timeout", type=float, default=900, help="seconds, for all of it (%(default)g)")
    demo.set_defaults(command=_demo)
    messages = commands.add_parser("messages", help="show what plans told since the last look")
    messages.set_defaults(command=_messages)
    execute = commands.add_parser("exec", help="run a command in the environment of the stack")
    execute.add_argument("argv", nargs=REMAINDER, metavar="ARG", help="program and arguments")
    execute.set_defaults(command=_exec)
    return parser


def _settings(options: Namespace) -> StackSettings:
    return StackSettings(
        home=options.home,
        dags_folder=options.dags,
        plans_dir=options.plans,
        speed=options.speed,
        poll_interval=options.poll_interval,
        parse_interval=options.parse_interval,
        database=options.database,
        watched=True,
    )


def _up(stack: Stack, _options: Namespace) -> int:
    stack.up()
    _say(access(stack))
    return 0


def _down(stack: Stack, _options: Namespace) -> int:
    _say("stopped" if stack.down() else "nothing runs")
    return 0


def _status(stack: Stack, _options: Namespace) -> int:
    health = stack_health(stack.state)
    for name, answer in health.items():
        _say(f"{name:14} {answer}")
    for line in stack.state.restarts:
        _say(line)
    _say(access(stack))
    return 0 if set(health.values()) == {HEALTHY} else 1


def _demo(stack: Stack, options: Namespace) -> int:
    run_demo(stack, DemoOptions(plan_id=options.plan, timeout=options.timeout))
    return 0


def _messages(stack: Stack, _options: Namespace) -> int:
    for message in unread_messages(stack.state.sandbox_url):
        _say(message)
    return 0


def _exec(stack: Stack, options: Namespace) -> int:
    return subprocess.run(options.argv, env=stack.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
