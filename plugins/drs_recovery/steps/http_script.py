"""Scripts that ask by HTTP on an instance, with what is there: curl, or PowerShell's Invoke-WebRequest."""

from __future__ import annotations

import re
from typing import Any

from drs_recovery.steps.on_instance import quoted

_MOST_REDIRECTS = 5
# Systems Manager keeps 24,000 characters of what a command writes.
_MOST_BODY = 20_000
_STATUS = re.compile(r"HTTP (\d{3})\r?\n")


def curl(arguments: Any, seconds: float, *, follows: bool) -> tuple[str, ...]:
    """
    Lines of a shell script: the status, then the body.

    :param follows: whether redirects are followed.
    """
    options = [f"--silent --show-error --max-time {seconds:.0f}"]
    options += ["--output \"$body\" --write-out '%{http_code}'"]
    options += ["--head" if arguments.method == "HEAD" else f"--request {arguments.method}"]
    options += [f"--location --max-redirs {_MOST_REDIRECTS}"] if follows else []
    options += [] if arguments.verify_tls else ["--insecure"]
    options += [
        f"--header {quoted(f'{name}: {value}', windows=False)}" for name, value in arguments.headers.items()
    ]
    return (
        "body=$(mktemp) || exit 1; trap 'rm -f \"$body\"' EXIT",
        f"status=$(curl {' '.join(options)} -- {quoted(arguments.url, windows=False)}) || exit 1",
        "printf 'HTTP %s\\n' \"$status\"",
        f'head -c {_MOST_BODY} "$body"',
    )


def invoke_web_request(arguments: Any, seconds: float, *, follows: bool) -> tuple[str, ...]:
    """The same for PowerShell, which takes an answer above 299 for an error."""
    headers = "; ".join(
        f"{quoted(name, windows=True)} = {quoted(value, windows=True)}"
        for name, value in arguments.headers.items()
    )
    options = (
        f"-UseBasicParsing -TimeoutSec {seconds:.0f} -Method {arguments.method} -Headers @{{{headers}}} "
        f"-MaximumRedirection {_MOST_REDIRECTS if follows else 0}"
    )
    trust = "[Net.ServicePointManager]::ServerCertificateValidationCallback = { $true }"
    return (
        "[Net.ServicePointManager]::SecurityProtocol = 'Tls12'",
        *(() if arguments.verify_tls else (trust,)),
        "$body = ''",
        f"try {{ $answer = Invoke-WebRequest {options} -Uri {quoted(arguments.url, windows=True)}",
        "  $status = [int]$answer.StatusCode; $body = [string]$answer.Content } catch {",
        "  if (-not $_.Exception.Response) { [Console]::Error.WriteLine($_.Exception.Message); exit 1 }",
        "  $status = [int]$_.Exception.Response.StatusCode }",
        '"HTTP $status"',
        f"$body.Substring(0, [Math]::Min($body.Length, {_MOST_BODY}))",
    )


def told_by(output: str) -> tuple[int, str] | None:
    """Status and body that a script told; None if it told none."""
    told = _STATUS.match(output)
    return None if told is None else (int(told[1]), output[told.end() :])
