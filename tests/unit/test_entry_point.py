"""`import actors`: the entry point of workers declares every actor, quickly, and touches nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LOOK = """
import sys, time
touched = []
def hook(event, args):
    if event in ("socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn"):
        touched.append((event, str(args)[:100]))
sys.addaudithook(hook)
started = time.process_time()
import actors
seconds = time.process_time() - started
assert not touched, touched
heavy = {"fpdf", "uharfbuzz", "sentry_sdk", "rich", "typer", "structlog", "yoyo"} & set(sys.modules)
assert not heavy, heavy
nameless = [a.actor_name for a in actors.broker.actors.values() if not (a.fn.__doc__ or "").strip()]
assert not nameless, nameless
print(seconds)
"""


def import_actors(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_the_actors_connects_to_nothing_and_is_quick() -> None:
    import_actors()  # compiles what is not compiled yet
    times = []
    for _ in range(3):
        done = import_actors(JOBS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert done.returncode == 0, done.stderr
        times.append(float(done.stdout))
    assert min(times) < 0.5


def test_modules_named_in_jobs_extra_actors_are_loaded_too() -> None:
    done = import_actors(JOBS_EXTRA_ACTORS="tests.support.no_such_module")
    assert done.returncode != 0
    assert "no_such_module" in done.stderr
