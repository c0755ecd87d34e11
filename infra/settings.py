"""Every setting of the job system, documented where it is declared.

Values come from the environment or from a `.env` file in the working directory. A bad value is reported by
`settings()` as one readable line per variable and ends the process with exit code 2.
"""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICES = ("common", "sales", "purchase", "payroll", "community", "inventory")
"""The six services of Dhanman. Each has the job schema `<service>_jobs`."""

_UNITS = {"ms": 0.001, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """`15`, `15s`, `500ms`, `30 min`, `2h`, `7d` → timedelta. Raises ValueError naming the allowed forms."""
    if not isinstance(value, str):
        return timedelta(seconds=value) if isinstance(value, int | float) else value
    text = value.strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip() or "s"
    if unit not in _UNITS:
        raise ValueError("allowed: a number with ms, s, min, h or d, such as 15s or 30 min")
    try:
        duration = timedelta(seconds=float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        raise ValueError("allowed: a number with ms, s, min, h or d, such as 15s or 30 min") from None
    if duration < timedelta(0):
        raise ValueError("allowed: a duration of zero or more")
    return duration


def more_than_nothing(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("allowed: a duration of more than zero")
    return value


def parse_queues(value: Any) -> Any:
    """`critical:6,default:3,low-priority:1` → {"critical": 6, ...}; order is kept."""
    if not isinstance(value, str):
        return value
    weights: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in value.split(","))):
        name, _, weight = part.partition(":")
        if not name or not (weight or "1").isdigit() or int(weight or "1") < 1:
            raise ValueError("allowed: name:weight pairs such as critical:6,default:3,low-priority:1")
        weights[name.strip()] = int(weight or "1")
    if not weights:
        raise ValueError("allowed: at least one queue, such as default:1")
    return weights


def parse_names(value: Any) -> Any:
    """A comma-separated list."""
    return [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else value


def parse_services(value: Any) -> Any:
    names = parse_names(value)
    if isinstance(names, list | tuple):
        unknown = [n for n in names if n not in SERVICES]
        if unknown or not names:
            raise ValueError(f"allowed: a comma-separated choice of {', '.join(SERVICES)}")
    return names


def parse_postgres_url(value: Any) -> Any:
    """A Postgres URL as libpq reads it; nothing connects."""
    if isinstance(value, str) and value:
        from psycopg2 import Error
        from psycopg2.extensions import parse_dsn

        try:
            port = parse_dsn(value).get("port", "0")
        except Error:
            raise ValueError(POSTGRES_URL) from None
        if "://" not in value or not port.isdigit():
            raise ValueError(POSTGRES_URL)
    return value or None


POSTGRES_URL = "allowed: postgresql://user:password@host:port/database"


def parse_scheme(*schemes: str) -> BeforeValidator:
    """A URL of one of these schemes."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and value and value.partition("://")[0] not in schemes:
            raise ValueError(f"allowed: a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return value or None

    return BeforeValidator(check)


def parse_domain(value: Any) -> Any:
    """A host name, as a URL. Plain http is for this machine alone: a secret is sent there."""
    if isinstance(value, str) and value:
        address = (value if "://" in value else f"https://{value}").rstrip("/")
        parts = urlsplit(address)
        local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
        if not parts.hostname or parts.path or not (local or parts.scheme == "https"):
            raise ValueError("allowed: a tenant's domain such as greenvalley.eu.auth0.com")
        return address
    return value or None


def parse_header(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value
        and not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+:\s*\S.*", value, re.ASCII)
    ):
        raise ValueError("allowed: NAME: VALUE, such as Authorization: Bearer …")
    return value or None


def parse_json_object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        if isinstance(found := json.loads(value), dict):
            return found
    except ValueError:
        pass
    raise ValueError('allowed: a JSON object such as {"to": "$recipient", "text": "$body"}')


def default_home() -> Path:
    """The project folder: the nearest folder at or above the working directory with a pyproject.toml."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "pyproject.toml").exists()), here)


PostgresUrl = Annotated[str | None, BeforeValidator(parse_postgres_url)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Interval = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(more_than_nothing)]
Names = Annotated[tuple[str, ...], BeforeValidator(parse_names)]


class Settings(BaseSettings):
    """One typed class; an attribute `jobs_x` is read from the variable JOBS_X."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", enable_decoding=False)

    jobs_database_url: PostgresUrl = None
    """Postgres of the job store. Unset: an embedded server is started under JOBS_HOME."""
    jobs_listen_url: PostgresUrl = None
    """Direct URL for LISTEN when JOBS_DATABASE_URL goes through PgBouncer."""
    jobs_listen: bool = True
    """False: workers poll only (for PgBouncer without a direct URL)."""
    jobs_home: Path = Field(default_factory=default_home)
    """Project folder; `var/` below it holds mails, logs and the embedded server's data."""
    jobs_services: Annotated[tuple[str, ...], BeforeValidator(parse_services)] = SERVICES
    """Services this process works for."""
    jobs_queues: Annotated[dict[str, int], BeforeValidator(parse_queues)] = {
        "critical": 6,
        "default": 3,
        "low-priority": 1,
    }
    """Queues and their weights: the share of threads each gets when all have work."""
    jobs_threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default_factory=lambda: (os.cpu_count() or 1) * 5
    )
    """Worker threads on this machine in all (the Procfile divides them over its processes)."""
    jobs_extra_actors: Names = ()
    """Modules with more actors, imported after the services."""

    jobs_poll_interval: Interval = timedelta(seconds=15)
    """How long an idle worker waits when no notification comes."""
    jobs_heartbeat_interval: Interval = timedelta(seconds=15)
    """How often a worker says that it lives."""
    jobs_server_timeout: Duration = timedelta(seconds=60)
    """Silence after which a worker counts as dead and its jobs run again, checked each heartbeat."""
    jobs_rescue_grace: Duration = timedelta(seconds=30)
    """A claim that its living worker does not know is given back after this long."""
    jobs_send_timeout: Duration = timedelta(seconds=10)
    """How long `send` tries to reach the database before it fails."""
    jobs_expiration_interval: Interval = timedelta(minutes=30)
    """How often expired partitions are dropped."""
    jobs_retention_done: Duration = timedelta(days=7)
    jobs_retention_deleted: Duration = timedelta(days=30)
    jobs_retention_failed: Duration = timedelta(days=90)
    jobs_retention_cancelled: Duration = timedelta(days=30)
    jobs_retention_history: Duration = timedelta(days=90)
    """How long finished jobs of each state, and history and log lines, are kept."""
    jobs_retention_log_files: Duration = timedelta(days=30)
    jobs_retention_mail_files: Duration = timedelta(days=90)
    jobs_retention_report_files: Duration = timedelta(days=400)
    """How long files below var/log, var/mail and var/reports are kept after they were last written."""
    jobs_retention_letters: Duration = timedelta(days=400)
    """How long it is known that a letter was sent. A job that runs again later than that would send it again."""

    jobs_log_format: Literal["auto", "json", "console"] = "auto"
    """auto: console on a terminal, JSON elsewhere."""
    jobs_log_level: Literal["debug", "info", "warning", "error"] = "info"
    jobs_redact: Names = (
        "password",
        "token",
        "secret",
        "otp",
        "pan",
        "aadhaar",
        "account_number",
        "authorization",
    )
    """Arguments whose name contains one of these words are shown as ***."""

    sentry_dsn: Annotated[str | None, parse_scheme("http", "https")] = None
    smtp_url: Annotated[str | None, parse_scheme("smtp", "smtps")] = None
    """smtp://user:password@host:587, smtps://…; unset: mails are kept as files under var/mail."""
    mail_from: str = "Dhanman <no-reply@dhanman.example>"
    jobs_admins: Names = ()
    """Addresses of those who look after the installation, for alerts. Unset: the societies' ADMIN officers."""

    auth0_domain: Annotated[str | None, BeforeValidator(parse_domain)] = None
    """Tenant whose users are mirrored, such as greenvalley.eu.auth0.com. Unset: none are."""
    auth0_client_id: str | None = None
    auth0_client_secret: SecretStr | None = None
    """Of a machine-to-machine application with the scope read:users of the Management API."""
    auth0_audience: str | None = None
    """Identifier of the Management API; by default https://<tenant>/api/v2/, wrong only under a custom domain."""
    auth0_confirmed_deletions: Annotated[int, Field(ge=0)] = 0
    """More than a fifth of the users gone at once is not believed, unless they are no more than this. For one run."""

    sms_url: Annotated[str | None, parse_scheme("http", "https")] = None
    sms_auth_header: Annotated[SecretStr | None, BeforeValidator(parse_header)] = None
    sms_body: Annotated[dict[str, Any], BeforeValidator(parse_json_object)] = {
        "to": "$recipient",
        "text": "$body",
    }
    push_url: Annotated[str | None, parse_scheme("http", "https")] = None
    push_auth_header: Annotated[SecretStr | None, BeforeValidator(parse_header)] = None
    push_body: Annotated[dict[str, Any], BeforeValidator(parse_json_object)] = {
        "user": "$recipient",
        "title": "$subject",
        "text": "$body",
    }
    """Gateways for notifications by SMS and push: where to POST, a header such as `Authorization: Bearer …`, and the
    JSON to send, in whose texts $recipient, $subject, $body and $key are filled in. No URL: that channel is refused.
    """

    backup_folder: Path | None = None
    """Where backups are kept when S3_BUCKET is unset; by default var/backups under JOBS_HOME."""
    backup_keep_days: Annotated[int, Field(ge=1)] = 7
    backup_keep_weeks: Annotated[int, Field(ge=0)] = 5
    backup_keep_months: Annotated[int, Field(ge=0)] = 12
    """Of so many days, weeks and months the last backup is kept, and all of the last 24 hours."""
    backup_verify_url: PostgresUrl = None
    """Server on which `backup verify` restores into a scratch database. Unset: the one that was backed up."""
    s3_bucket: str | None = None
    """Bucket of an S3-compatible store for the backups. It needs the extra `s3`."""
    s3_prefix: str = "dhanman-backups"
    """What the keys in the bucket begin with."""
    s3_endpoint_url: Annotated[str | None, parse_scheme("http", "https")] = None
    """Unset: Amazon's."""
    s3_region: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    """Unset: what boto3 finds by itself, such as the role of the machine."""

    @field_validator("jobs_server_timeout")
    @classmethod
    def _outlasts_two_heartbeats(cls, timeout: timedelta, known: ValidationInfo) -> timedelta:
        beat = known.data.get("jobs_heartbeat_interval")
        if beat is not None and timeout < 2 * beat:
            raise ValueError(
                f"allowed: at least twice JOBS_HEARTBEAT_INTERVAL, which is {beat.total_seconds():g} s"
            )
        return timeout

    @property
    def home(self) -> Path:
        return self.jobs_home

    @property
    def mail_folder(self) -> Path:
        return self.jobs_home / "var" / "mail"

    def jobs_url(self, service: str) -> str | None:
        """The job store of one service: DHANMAN_<SERVICE>_JOBS_URL, else JOBS_DATABASE_URL, else None."""
        return _url(f"DHANMAN_{service.upper()}_JOBS_URL") or self.jobs_database_url

    def database_url(self, service: str) -> str | None:
        """The business database of one service: DHANMAN_<SERVICE>_DATABASE_URL, else the job database."""
        return _url(f"DHANMAN_{service.upper()}_DATABASE_URL") or self.jobs_database_url


def _url(name: str) -> str | None:
    try:
        url: str | None = parse_postgres_url(_environment(name))
    except ValueError as error:
        print(f"{name}=***: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return url


def _environment(name: str) -> str | None:
    if name in os.environ:
        return os.environ[name] or None
    from dotenv import dotenv_values  # a dependency of pydantic-settings; read late, most have no .env

    return dotenv_values(".env").get(name) or None


SECRET_WORDS = ("dsn", "url", "secret", "header")


def explain(error: ValidationError) -> str:
    """One line a bad variable: its name, the value given and what is allowed."""
    lines = []
    for item in error.errors():
        name = str(item["loc"][0]).upper() if item["loc"] else "settings"
        value = "***" if any(word in name.lower() for word in SECRET_WORDS) else repr(item.get("input"))
        lines.append(f"{name}={value}: {item['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings. A bad value prints what is wrong and exits with code 2."""
    try:
        return Settings()
    except ValidationError as error:
        print(explain(error), file=sys.stderr)
        raise SystemExit(2) from None
