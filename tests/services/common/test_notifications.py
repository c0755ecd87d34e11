"""Notifications: once each, by mail or by a gateway that is described by settings, and none in the quiet hours."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from dramatiq.errors import Retry

from actors.common import send_notification
from actors.common.notifications import UnknownRecipient, WrongNotification
from infra.gateways.mail import MailRefused
from infra.gateways.messages import GatewayAway, MessageRefused
from infra.settings import Settings, explain, settings
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import asker

NOON, NIGHT = "2026-04-10 12:00+05:30", "2026-04-10 22:30+05:30"
GATE = ("gate/1", "+91 98000 00001", "sms", "Visitor", "A visitor is at the gate.")


@pytest.fixture
def at(common, ask):
    """Holds the database's clock still for everyone who connects from now on."""

    def at(moment):
        (name,) = ask("select current_database()")[0]
        ask(f"alter database {name} set dhanman.clock = '{moment}'")
        from infra.store.connections import pool

        pool(common).clear()

    yield at
    ask(f"alter database {ask('select current_database()')[0][0]} reset dhanman.clock")


@pytest.fixture
def ask(common):
    return asker(common)


@pytest.fixture
def gateway(monkeypatch):
    """An HTTP gateway for SMS and push that keeps what it takes, and answers as it is told."""
    taken, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers = answers.pop(0) if answers else (202, {})
            if status < 300:
                taken.append((self.path, dict(self.headers), body))
            content = b'{"error": "because"}'
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    for name, value in (
        ("SMS_URL", f"{url}/sms"),
        ("SMS_AUTH_HEADER", "X-Api-Key: s3cret"),
        ("SMS_BODY", '{"messages": [{"to": "$recipient", "text": "$subject: $body"}], "flash": false}'),
        ("PUSH_URL", f"{url}/push"),
    ):
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    Handler.taken, Handler.answers = taken, answers
    yield Handler
    server.shutdown()
    server.server_close()
    settings.cache_clear()


@pytest.fixture
def user(ask):
    def user(auth0_id, **columns):
        row = {
            "email": None,
            "name": "Asha Rao",
            "phone": None,
            "blocked": False,
            "deleted_at": None,
            **columns,
        }
        ask(
            "insert into common.app_user (auth0_id, email, name, phone, verified, blocked, created_at, updated_at, "
            "deleted_at, seen_at) values (%s, %s, %s, %s, true, %s, now(), now(), %s, now())",
            auth0_id, row["email"], row["name"], row["phone"], row["blocked"], row["deleted_at"],
        )  # fmt: skip
        return auth0_id

    return user


def record(ask):
    return ask("select key, channel, state, reason from common.notification order by key")


def test_an_sms_goes_out_once_with_the_gateways_own_words_and_a_key(gateway, at, ask):
    at(NOON)
    assert [send_notification.fn(*GATE) for _ in range(2)] == ["sent", "sent before"]

    ((path, headers, body),) = gateway.taken
    assert path == "/sms"
    assert headers["X-Api-Key"] == "s3cret"
    assert len(headers["Idempotency-Key"]) == 32
    assert body == {
        "messages": [{"to": "+919800000001", "text": "Visitor: A visitor is at the gate."}],
        "flash": False,
    }
    assert record(ask) == [("gate/1", "sms", "SENT", None)]


def test_what_a_message_says_is_neither_json_nor_a_place(gateway, at):
    at(NOON)
    send_notification.fn("gate/2", "+919800000001", "sms", 'a "quote"', "$recipient and $key\n\\ end")

    text = gateway.taken[0][2]["messages"][0]["text"]
    assert text == 'a "quote": $recipient and $key\n\\ end'


def test_a_user_is_reached_by_each_channel(gateway, at, user, mailbox):
    at(NOON)
    asha = user("auth0|asha", email="asha@example.in", phone="+919800000007")

    for channel in ("email", "sms", "push"):
        assert send_notification.fn(f"gate/3/{channel}", asha, channel, "Visitor", "At the gate.") == "sent"

    (letter,) = mailbox.letters
    assert str(letter["To"].addresses[0]) == "Asha Rao <asha@example.in>"
    assert gateway.taken[0][2]["messages"][0]["to"] == "+919800000007"
    assert gateway.taken[1][2] == {"user": "auth0|asha", "title": "Visitor", "text": "At the gate."}


def test_a_mail_has_its_paragraphs_in_both_parts_and_nothing_of_it_is_html(at, mailbox):
    at(NOON)
    body = "Water is off from 10 to 12.\nTower A only.\n\nFill a <b>bucket</b>."

    send_notification.fn("water/1", "asha@example.in", "email", "No water\r\non Friday", body)

    (letter,) = mailbox.letters
    assert letter["Subject"] == "No water on Friday"
    text = letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    assert text.replace("\r\n", "\n").startswith(body + "\n\nDhanman")
    assert "10 to 12.<br>Tower A only.</p>" in html
    assert "&lt;b&gt;bucket" in html


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((400, {}), MessageRefused, 'sms gateway: 400 {"error": "because"}'),
        ((401, {}), MessageRefused, "401"),
        ((503, {}), GatewayAway, "503"),
        ((429, {}), GatewayAway, "429"),
        ((429, {"Retry-After": "90"}), Retry, "429"),
    ],
)
def test_what_is_refused_for_good_and_what_is_tried_later(gateway, at, ask, answer, error, said):
    at(NOON)
    gateway.answers.append(answer)

    with pytest.raises(error, match=said) as caught:
        send_notification.fn(*GATE)

    if error is Retry:
        assert caught.value.delay == 90_000
    assert [(state, said in reason) for *_, state, reason in record(ask)] == (
        [("REFUSED", True)] if error is MessageRefused else []
    )
    assert send_notification.fn(*GATE) == "sent"  # also after a refusal, once its cause is mended
    assert record(ask) == [("gate/1", "sms", "SENT", None)]


def test_a_gateway_that_is_away_or_not_configured(gateway, at, monkeypatch):
    at(NOON)
    monkeypatch.setenv("SMS_URL", "http://127.0.0.1:9/sms")
    settings.cache_clear()
    with pytest.raises(GatewayAway, match="sms gateway: ConnectError"):
        send_notification.fn(*GATE)

    monkeypatch.delenv("SMS_URL")
    settings.cache_clear()
    with pytest.raises(MessageRefused, match="set SMS_URL"):
        send_notification.fn(*GATE)


@pytest.mark.parametrize(
    ("recipient", "channel", "error", "said"),
    [
        ("auth0|nobody", "email", UnknownRecipient, "is no user"),
        ("98000", "sms", UnknownRecipient, "is no user, and no address for sms"),
        ("auth0|gone", "email", UnknownRecipient, "is no user"),
        ("auth0|blocked", "email", UnknownRecipient, "is blocked"),
        ("auth0|asha", "sms", UnknownRecipient, "has no telephone"),
        ("unknown@example.in", "email", MailRefused, "no such mailbox"),
        ("auth0|asha", "fax", WrongNotification, "'fax' is none of email, sms, push"),
    ],
)
def test_whom_nobody_can_reach(at, user, ask, mailbox, recipient, channel, error, said):
    at(NOON)
    user("auth0|asha", email="asha@example.in")
    user("auth0|blocked", email="b@example.in", blocked=True)
    user("auth0|gone", email="g@example.in", deleted_at=NOON)

    with pytest.raises(error, match=said):
        send_notification.fn("gate/4", recipient, channel, "Visitor", "At the gate.")

    assert send_notification.options["retry_policy"].give_up_on.count(error) == 1
    assert [state for *_, state, _ in record(ask)] == ([] if error is WrongNotification else ["REFUSED"])


def test_at_night_it_waits_for_the_morning_as_one_job_unless_it_is_urgent(gateway, at, ask, common):
    at(NIGHT)
    with broker_on(common) as broker:
        broker.declare_actor(send_notification)
        done = [send_notification.fn(*GATE) for _ in range(2)]
        assert send_notification.fn("fire/1", "+911", "sms", "Fire", "Tower A", "URGENT") == "sent"

    assert done == ["put off until 11 Apr 2026, 08:00 IST"] * 2
    assert ask("select eta = '2026-04-11 08:00+05:30', unique_key from common_jobs.queue") == [
        (True, "common.send_notification:notification/gate/1")
    ]
    assert [body["messages"][0]["to"] for *_, body in gateway.taken] == ["+911"]


def test_a_notification_outlives_every_death(gateway, at, ask, monkeypatch):
    at(NOON)

    def reset():
        ask("delete from common.notification")
        gateway.taken.clear()

    commits = outlives_every_death(
        monkeypatch,
        lambda: send_notification.fn(*GATE),
        reset=reset,
        # sent again after a death, it bears the same key, by which the gateway knows it
        seen=lambda: (record(ask), {headers["Idempotency-Key"] for _, headers, _ in gateway.taken}),
    )

    assert commits == 2


def test_a_gateways_secret_is_not_told_by_a_bad_setting(monkeypatch):
    monkeypatch.setenv("SMS_AUTH_HEADER", "Bearer s3cret")
    monkeypatch.setenv("PUSH_BODY", "$body")
    monkeypatch.setenv("AUTH0_DOMAIN", "http://auth0.example.com")

    with pytest.raises(ValueError, match="validation errors") as caught:
        Settings()

    told = explain(caught.value)
    assert "SMS_AUTH_HEADER=***: allowed: NAME: VALUE" in told
    assert "PUSH_BODY='$body': allowed: a JSON object" in told
    assert "AUTH0_DOMAIN='http://auth0.example.com': allowed: a tenant's domain" in told
