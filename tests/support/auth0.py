"""A server that behaves as Auth0 documents its Management API: tokens, pages, totals, limits, and what goes wrong."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.gateways import auth0 as gateway
from infra.settings import settings

MOST = 1_000
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
Fault = Callable[["_Handler"], None]


class Auth0:
    """The tenant. `faults` are taken one a search, before it is answered; `before_search` may change the tenant.

    Parameters:
      asked: the queries of searches that were answered.
      granted: scopes of the tokens.
      limit: searches that a window of `window` seconds allows; None without limit.
    """

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.asked: list[dict[str, str]] = []
        self.before_search: Callable[[int], None] = lambda _: None
        self.granted = {"read:users"}
        self.secret = "s3cret-of-auth0"
        self.tokens: dict[str, float] = {}
        self.token_lasts = 86_400
        self.limit: int | None = None
        self.window = 1
        self.windows: dict[int, int] = {}
        self.refused_by_limit = 0
        self.url = ""
        self._made = 0

    def add(self, count: int = 1, *, each: timedelta = timedelta(minutes=1), **fields: Any) -> list[str]:
        """New users, made one after the other from BEGIN on. Returns their ids."""
        made = []
        for _ in range(count):
            self._made += 1
            number = self._made
            user_id = f"auth0|{number:06d}"
            at = _text(BEGIN + number * each)
            self.users[user_id] = {
                "user_id": user_id,
                "email": f"resident{number}@example.in",
                "name": f"Resident {number}",
                "email_verified": True,
                "created_at": at,
                "updated_at": at,
                "app_metadata": {"not": "asked for"},
                **fields,
            }
            made.append(user_id)
        return made

    def search(self, query: dict[str, str]) -> dict[str, Any]:
        assert query["search_engine"] == "v3"
        assert query["sort"] == "created_at:1"
        assert query["include_totals"] == "true"
        page, size = int(query["page"]), int(query["per_page"])
        assert size <= 100
        found = sorted(self.users.values(), key=lambda user: (user["created_at"], user["user_id"]))
        if since := re.fullmatch(r"created_at:\[(\S+) TO \*\]", query.get("q", "")):
            found = [user for user in found if user["created_at"] >= since[1]]
        rows = found[:MOST][page * size : (page + 1) * size]
        fields = query["fields"].split(",")
        return {
            "start": page * size,
            "limit": size,
            "length": len(rows),
            "users": [{name: row[name] for name in fields if name in row} for row in rows],
            "total": min(MOST, len(found)),
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tenant: Auth0

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/oauth/token"
        if said["client_secret"] != self.tenant.secret or said["client_id"] != "dhanman":
            return self.answer(401, {"error": "access_denied", "error_description": "Unauthorized"})
        assert said["grant_type"] == "client_credentials"
        assert said["audience"] == f"{self.tenant.url}/api/v2/"
        token = f"token-{len(self.tenant.tokens) + 1}"
        self.tenant.tokens[token] = time.time() + self.tenant.token_lasts
        body = {"access_token": token, "expires_in": self.tenant.token_lasts, "token_type": "Bearer"}
        return self.answer(200, body)

    def do_GET(self) -> None:
        tenant, address = self.tenant, urlsplit(self.path)
        assert address.path == "/api/v2/users"
        tenant.before_search(len(tenant.asked))
        if tenant.faults:
            return tenant.faults.pop(0)(self)
        if tenant.tokens.get(self.headers["Authorization"].removeprefix("Bearer "), 0) <= time.time():
            return self.answer(401, {"statusCode": 401, "message": "Expired token received"})
        if "read:users" not in tenant.granted:
            message = "Insufficient scope, expected any of: read:users,read:user_idp_tokens"
            return self.answer(
                403, {"statusCode": 403, "message": message, "errorCode": "insufficient_scope"}
            )
        now = int(time.time() / tenant.window)
        tenant.windows[now] = tenant.windows.get(now, 0) + 1
        if tenant.limit is not None and tenant.windows[now] > tenant.limit:
            tenant.refused_by_limit += 1
            return too_many({"X-RateLimit-Reset": str((now + 1) * tenant.window)})(self)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        tenant.asked.append(query)
        return self.answer(200, tenant.search(query))

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def too_many(headers: dict[str, str]) -> Fault:
    """429, as the global limit answers."""
    body = {"statusCode": 429, "error": "Too Many Requests", "message": "Global limit has been reached"}
    return lambda handler: handler.answer(429, body, headers)


def says(status: int, body: Any) -> Fault:
    return lambda handler: handler.answer(status, body)


def hangs(seconds: float) -> Fault:
    """An answer that is longer in coming than anybody waits."""

    def hang(handler: _Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return hang


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@pytest.fixture
def auth0(monkeypatch: pytest.MonkeyPatch) -> Iterator[Auth0]:
    """The tenant, and settings that lead there. Waits without a word of the server's are short."""
    tenant = Auth0()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"tenant": tenant}))
    server.daemon_threads = True
    tenant.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    for name, value in (
        ("DOMAIN", tenant.url),
        ("CLIENT_ID", "dhanman"),
        ("CLIENT_SECRET", tenant.secret),
    ):
        monkeypatch.setenv(f"AUTH0_{name}", value)
    settings.cache_clear()
    monkeypatch.setattr(gateway, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(gateway, "TIMEOUT", 0.3)
    yield tenant
    server.shutdown()
    server.server_close()
    settings.cache_clear()
