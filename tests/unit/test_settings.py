"""Settings: every form that is allowed, and a clear word about what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import SERVICES, Settings, explain, parse_duration

ROOT = Path(__file__).parents[2]


def run(code: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JOBS_", "DHANMAN_", "SENTRY"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "PYTHONPATH": str(ROOT), **variables},
        cwd=folder or ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("JOBS_THREADS", "0", "greater than or equal to 1"),
        ("JOBS_THREADS", "many", "integer"),
        ("JOBS_POLL_INTERVAL", "soon", "15s or 30 min"),
        ("JOBS_HEARTBEAT_INTERVAL", "0", "more than zero"),
        ("JOBS_SERVER_TIMEOUT", "20s", "at least twice JOBS_HEARTBEAT_INTERVAL, which is 15 s"),
        ("JOBS_RETENTION_DONE", "1e999d", "15s or 30 min"),
        ("JOBS_SERVICES", "sales,slaes", "common, sales, purchase"),
        ("JOBS_QUEUES", "default:0", "critical:6,default:3,low-priority:1"),
        ("JOBS_QUEUES", ",", "at least one queue"),
        ("JOBS_LOG_FORMAT", "xml", "'json'"),
        ("JOBS_LISTEN", "perhaps", "boolean"),
    ],
)
def test_a_bad_value_ends_the_process_with_code_2_and_says_what_is_allowed(
    variable: str, value: str, allowed: str
) -> None:
    ended = run("import actors", **{variable: value})
    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert variable in line
    assert value in line
    assert allowed in line


def test_every_bad_value_has_its_line() -> None:
    ended = run("import actors", JOBS_THREADS="0", JOBS_LISTEN="perhaps")
    assert ended.returncode == 2
    assert [line.partition("=")[0] for line in ended.stderr.splitlines()] == ["JOBS_LISTEN", "JOBS_THREADS"]


def test_a_secret_is_not_shown_when_it_is_wrong() -> None:
    from infra.settings import explain

    with pytest.raises(ValidationError) as caught:
        Settings(jobs_database_url=5, sentry_dsn=["hush"], smtp_url={"a": "hush"})  # type: ignore[arg-type]
    assert "hush" not in explain(caught.value)
    assert explain(caught.value).count("***") == 3


def test_a_database_s_password_is_not_shown_in_errors() -> None:
    code = "import dramatiq, infra.app\n@dramatiq.actor\ndef run() -> None: ...\nrun.send()\n"
    url = "postgresql://jobs:hush-hush@127.0.0.1:1/jobs"
    ended = run(code, JOBS_DATABASE_URL=url, JOBS_SEND_TIMEOUT="200ms")
    assert "StoreUnavailable" in ended.stderr
    assert "***" in ended.stderr
    assert "hush-hush" not in ended.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15),
        ("15s", 15),
        ("15 sec", 15),
        ("0.5s", 0.5),
        ("500ms", 0.5),
        ("30 min", 1800),
        ("30m", 1800),
        (" 2H ", 7200),
        ("7d", 604_800),
        (15, 15),
        (0, 0),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "5 weeks", "-5s", "1e400", "nan", "inf", "5 5s", "1:30"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: "):
        parse_duration(text)


def test_queues_keep_their_order_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_QUEUES", " mail:2 , default ,critical:9")
    assert list(Settings().jobs_queues.items()) == [("mail", 2), ("default", 1), ("critical", 9)]


def test_services_and_names_are_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_SERVICES", "payroll, sales")
    monkeypatch.setenv("JOBS_EXTRA_ACTORS", "a.b, c")
    config = Settings()
    assert config.jobs_services == ("payroll", "sales")
    assert config.jobs_extra_actors == ("a.b", "c")


def test_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("JOBS_"):
            monkeypatch.delenv(name)
    config = Settings()
    assert config.jobs_services == SERVICES
    assert config.jobs_queues == {"critical": 6, "default": 3, "low-priority": 1}
    assert config.jobs_heartbeat_interval == timedelta(seconds=15)
    assert config.jobs_server_timeout == timedelta(seconds=60)
    assert config.jobs_threads == (os.cpu_count() or 1) * 5
    assert config.jobs_database_url is None


def test_a_service_s_url_goes_before_the_common_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "JOBS_DATABASE_URL=postgresql://env/file\nDHANMAN_SALES_JOBS_URL=postgresql://sales/file\n"
    )
    code = "from infra.settings import settings; s = settings(); print(s.jobs_url('sales'), s.jobs_url('common'))"
    ended = run(code, tmp_path)
    assert ended.stdout.split() == ["postgresql://sales/file", "postgresql://env/file"], ended.stderr
    ended = run(code, tmp_path, DHANMAN_SALES_JOBS_URL="postgresql://sales/here")
    assert ended.stdout.split()[0] == "postgresql://sales/here"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JOBS_DATABASE_URL", "mysql://u:secretpw@h/x"),
        ("JOBS_DATABASE_URL", "foo"),
        ("JOBS_DATABASE_URL", "postgresql://u:secretpw@h:notaport/x"),
        ("SMTP_URL", "foo:secretpw"),
        ("SENTRY_DSN", "foo:secretpw"),
    ],
)
def test_a_bad_url_is_refused_and_not_shown(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    said = explain(refused.value)
    assert said.startswith(f"{variable}=***: allowed:")
    assert "secretpw" not in said
