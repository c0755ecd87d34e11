"""Auth0's Management API, version 2: an access token, and every user of the tenant.

A search there ends after 1,000 users, by whatever paging. So the listing goes by `created_at`, oldest first: each
request asks for those made since the last one seen, and so sees that one twice. There is no offset that a deletion
meanwhile could shift, which would make a user look deleted who is not. The export job would need a connection's name,
a second scope and a file elsewhere.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from infra.settings import Settings

PAGE = 100
"""What Auth0 gives at most."""
DEEPEST = 1_000 // PAGE
"""Pages of one search."""
TRIES = 6
FIRST_WAIT = 1.0
"""Seconds, doubled at each further try, less up to half by chance."""
LONGEST_WAIT = 120.0
"""Seconds that a rate limit may hold up the listing; beyond, the job is better tried again later."""
TIMEOUT = 20.0
FIELDS = "user_id,email,name,nickname,phone_number,email_verified,blocked,created_at,updated_at"
SCOPE = "read:users"


class Auth0Error(Exception):
    """Auth0 did not answer as it should; trying again may help."""


class Auth0Refused(Auth0Error):
    """Auth0 refuses for good, or the settings lack something; a person has to mend it."""


@dataclass(frozen=True)
class User:
    """A user of the tenant. Times are UTC."""

    id: str
    email: str | None
    name: str
    phone: str | None
    verified: bool
    blocked: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Page:
    """Some of the listing.

    Parameters:
      refused: users that cannot be read, by id, and why; they are there all the same.
      total: how many users this and the pages to come hold, as far as Auth0 counts (up to 1,000).
    """

    users: tuple[User, ...]
    refused: dict[str, str]
    total: int


@dataclass
class _Token:
    text: str
    expires: float


_tokens: dict[tuple[str, str, str], _Token] = {}
_lock = threading.Lock()


class ManagementApi:
    """A tenant's Management API, by the settings AUTH0_*. Raises Auth0Refused where they lack something."""

    def __init__(self, config: Settings) -> None:
        import httpx  # 0.1 s: only for who asks Auth0

        lacking = [
            name.upper()
            for name in ("auth0_domain", "auth0_client_id", "auth0_client_secret")
            if not getattr(config, name)
        ]
        if lacking:
            raise Auth0Refused(f"set {', '.join(lacking)} too, or none of AUTH0_*")
        self._base = str(config.auth0_domain)
        self._client_id = str(config.auth0_client_id)
        self._secret = config.auth0_client_secret
        self._audience = config.auth0_audience or f"{self._base}/api/v2/"
        self._http = httpx.Client(base_url=self._base, timeout=TIMEOUT)
        self._broken = (httpx.TransportError, ValueError)

    def __enter__(self) -> ManagementApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def users(self) -> Iterator[Page]:
        """All of them, oldest first; one at a page's edge comes twice. Only a listing that ends is complete.

        Raises Auth0Error, Auth0Refused.
        """
        since, depth = None, 0
        while True:
            found = self._search(since, depth)
            yield _page(found)
            rows = found["users"]
            if len(rows) < PAGE:
                if found["total"] > found["start"] + len(rows):
                    raise Auth0Error(
                        f"Auth0 says that there are {found['total']} users since {since or 'the beginning'}, "
                        f"and gave {found['start'] + len(rows)}"
                    )
                return
            last = rows[-1].get("created_at")
            since, depth = (since, depth + 1) if last == since else (last, 0)
            if since is None or depth == DEEPEST:
                raise Auth0Refused(
                    f"more than {DEEPEST * PAGE} users were made at {since}: Auth0 lists no more"
                )

    def _search(self, since: str | None, depth: int) -> dict[str, Any]:
        asked: dict[str, str | int] = {
            "search_engine": "v3",
            "sort": "created_at:1",
            "per_page": PAGE,
            "page": depth,
            "include_totals": "true",
            "fields": FIELDS,
            "include_fields": "true",
        }
        if since is not None:
            asked["q"] = f"created_at:[{since} TO *]"
        return self._answer(
            lambda: self._http.get("/api/v2/users", params=asked, headers=self._bearer()), _listing
        )

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    def _token(self) -> str:
        """Kept by the process until a minute before it expires: Auth0 counts the tokens it gives out."""
        key = (self._base, self._client_id, self._audience)
        with _lock:
            known = _tokens.get(key)
            if known is None or known.expires <= time.monotonic():
                _tokens[key] = known = self._new_token()
            return known.text

    def _new_token(self) -> _Token:
        assert self._secret is not None
        body = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret.get_secret_value(),
            "audience": self._audience,
        }
        given = self._answer(lambda: self._http.post("/oauth/token", json=body), _token)
        return _Token(given["access_token"], time.monotonic() + max(0.0, given["expires_in"] - 60))

    def _answer(
        self, ask: Callable[[], httpx.Response], read: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """Asks again after a time-out, a failure of the server or a limit; and once with a new token."""
        renewed = False
        for attempt in range(1, TRIES + 1):
            wait = FIRST_WAIT * 2 ** (attempt - 1) * (1 - random.random() / 2)
            try:
                response = ask()
                if response.status_code == 200:
                    return read(response.json())
            except self._broken as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                trouble = f"{response.status_code} {_said(response)}".strip()
                if response.status_code == 401 and not renewed and response.request.method == "GET":
                    renewed = True
                    _tokens.pop((self._base, self._client_id, self._audience), None)
                    continue
                if response.status_code == 429:
                    wait = _patience(response, wait)
                elif response.status_code < 500:
                    raise Auth0Refused(self._explained(response, trouble))
            if attempt < TRIES and wait <= LONGEST_WAIT:
                _pause(wait)
            else:
                break
        raise Auth0Error(f"Auth0 at {self._base} did not answer as it should, {attempt} times: {trouble}")

    def _explained(self, response: httpx.Response, trouble: str) -> str:
        if response.request.method == "POST":
            return (
                f"Auth0 gives no token ({trouble}): check AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET, and that the "
                f"application is authorized for the API {self._audience}"
            )
        if response.status_code == 403:
            return (
                f"Auth0 lists no users ({trouble}): grant the application the scope {SCOPE}, in Auth0 under "
                "Applications, APIs, Auth0 Management API, Machine to Machine Applications"
            )
        return f"Auth0 lists no users ({trouble})"


def _page(found: dict[str, Any]) -> Page:
    users: dict[str, User] = {}
    refused: dict[str, str] = {}
    for row in found["users"]:
        try:
            users[row["user_id"]] = _user(row)
        except (KeyError, ValueError, TypeError) as error:
            refused[row["user_id"]] = f"{type(error).__name__}: {error}"
    return Page(tuple(users.values()), refused, max(0, found["total"] - found["start"]))


def _user(row: dict[str, Any]) -> User:
    email = _text(row.get("email"))
    made = _moment(row["created_at"])
    return User(
        id=row["user_id"],
        email=email,
        name=_text(row.get("name")) or _text(row.get("nickname")) or email or row["user_id"],
        phone=_text(row.get("phone_number")),
        verified=bool(row.get("email_verified")),
        blocked=bool(row.get("blocked")),
        created_at=made,
        updated_at=_moment(row.get("updated_at") or row["created_at"]),
    )


def _text(value: Any) -> str | None:
    """None for nothing. Postgres keeps no NUL, which people put into names to see what happens."""
    return str(value).replace("\0", "").strip() or None if value is not None else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listing(body: Any) -> dict[str, Any]:
    """What a search answers. ValueError for anything else, so that it is asked again."""
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("users"), list)
        or not all(isinstance(body.get(name), int) for name in ("start", "total"))
        or not all(isinstance(row, dict) and isinstance(row.get("user_id"), str) for row in body["users"])
    ):
        raise ValueError("not a page of users with totals")
    return body


def _token(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        raise ValueError("not an access token")  # noqa: TRY004 - as any other answer that cannot be read
    return {"access_token": body["access_token"], "expires_in": float(body.get("expires_in") or 0)}


def _said(response: httpx.Response) -> str:
    """Auth0's own words; of a token request the description, never what was sent."""
    try:
        body = response.json()
        return str(body.get("message") or body.get("error_description") or body.get("error") or "")[:300]
    except (ValueError, AttributeError):
        return response.reason_phrase


def _patience(response: httpx.Response, otherwise: float) -> float:
    """Seconds to wait by Retry-After (seconds or a date) or X-RateLimit-Reset (seconds since 1970)."""
    after, reset = response.headers.get("Retry-After"), response.headers.get("X-RateLimit-Reset")
    try:
        if after is not None:
            return (
                float(after)
                if after.strip().isdigit()
                else parsedate_to_datetime(after).timestamp() - time.time()
            )
        wait = float(reset) - time.time() if reset is not None else otherwise
    except (ValueError, TypeError):
        return otherwise
    # The second named has to be over, and clocks differ: Auth0 counts in whole seconds.
    return max(wait + 0.1, 0.1) if math.isfinite(wait) else otherwise


def _pause(seconds: float) -> None:
    """In pieces, between which a job can be interrupted."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
