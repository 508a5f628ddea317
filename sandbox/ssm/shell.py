"""Really runs the scripts of ``AWS-RunShellScript``, on this machine, if the sandbox was told to."""

from __future__ import annotations

import subprocess
import tempfile
from threading import Thread


class ShellRun:
    """
    A script that runs.

    :param lines: of the script.
    :param seconds: real seconds after which it is killed.
    :ivar code: its exit code; None while it runs.
    """

    def __init__(self, lines: list[str], instance_id: str, seconds: float) -> None:
        self.code: int | None = None
        self.output = self.error_output = ""
        self._script, self._seconds = "\n".join(lines), seconds
        self._environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "AWS_SSM_INSTANCE_ID": instance_id}
        Thread(target=self._work, name=f"script on {instance_id}", daemon=True).start()

    def _work(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                # To run it is what the sandbox was started for.
                done = subprocess.run(  # noqa: S603
                    ["/bin/sh", "-c", self._script],
                    cwd=folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=self._seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                self.code = -1
                return
        self.output, self.error_output = done.stdout, done.stderr
        self.code = done.returncode
