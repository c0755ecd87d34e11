"""Log lines on their way to stderr.

A line of a job's normal run waits up to 20 ms for others: a write a line makes eight threads hand the interpreter
around at each of them, and halves what a worker gets done. Warnings and errors are written at once, after what waits.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque

GATHER = 0.02
"""Seconds."""


class LogLines:
    """The logger at the end of structlog's chain, and the stream of the standard library's handler."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._process: int | None = None

    def start(self) -> None:
        """Starts the thread that writes, once in a process; a forked child needs its own."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._writing = threading.Lock()
            threading.Thread(target=self._write_now_and_then, name="log", daemon=True).start()

    def gather(self, line: str) -> None:
        self._waiting.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def write_line(self, line: str) -> None:
        self._waiting.append(line)
        self.flush()

    debug = info = msg = gather
    warning = error = critical = exception = write_line

    def write(self, text: str) -> int:
        """For logging.StreamHandler."""
        self._waiting.append(text.rstrip("\n"))
        self.flush()
        return len(text)

    def flush(self) -> None:
        """Writes what waits, to what sys.stderr is now: dramatiq replaces it with a pipe after import."""
        with self._writing:
            lines = []
            while self._waiting:
                lines.append(self._waiting.popleft())
            if lines:
                sys.stderr.write("\n".join(lines) + "\n")
                sys.stderr.flush()

    def _write_now_and_then(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(GATHER)
            self._wake.clear()
            try:
                self.flush()
            except (OSError, ValueError):
                return  # the process is ending and its stderr is closed
