"""What `send` refuses, so that a wrong call fails where it was made and not at night in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, Optional

import dramatiq
import pytest

from infra.queue import JobRefused, actor, enqueue_many
from infra.queue.admission import MAX_MESSAGE_BYTES
from infra.queue.broker import JobBroker
from infra.queue.errors import MessageTooLarge, UnknownActor, UnknownQueue, WrongArguments
from tests.support.queue import count, job_row, refusal, rows, wait_until, working

FlatId = NewType("FlatId", str)


@pytest.fixture
def nothing_written(broker: JobBroker) -> Iterator[None]:
    yield
    assert count(broker) == 0


refused = pytest.mark.usefixtures("nothing_written")


@pytest.fixture
def bill(broker: JobBroker) -> Any:
    @actor(service="common")
    def bill(flat: str, amount: int, paid: bool = False, note: Optional[str] = None) -> None:  # noqa: UP045
        pass

    return bill


@refused
def test_an_unknown_actor_is_refused_with_the_nearest_name(broker: JobBroker, bill: Any) -> None:
    message = bill.message("A-101", 5).copy(actor_name="common.bil")
    with pytest.raises(UnknownActor, match=r"unknown actor 'common\.bil', did you mean 'common\.bill'\?"):
        broker.enqueue(message)


@refused
def test_an_actor_like_no_other_is_refused_without_a_guess(broker: JobBroker, bill: Any) -> None:
    with pytest.raises(UnknownActor) as caught:
        broker.enqueue(bill.message("A-101", 5).copy(actor_name="xyz"))
    assert "did you mean" not in str(caught.value)


@refused
def test_a_caller_who_knows_dramatiq_catches_its_own_errors(broker: JobBroker, bill: Any) -> None:
    with pytest.raises(dramatiq.ActorNotFound):
        broker.enqueue(bill.message("A-101", 5).copy(actor_name="nobody"))
    with pytest.raises(TypeError):
        bill.send("A-101")
    with pytest.raises(ValueError, match="amount"):
        bill.send("A-101")


@refused
def test_an_unknown_queue_is_refused_with_the_nearest_name(bill: Any) -> None:
    with pytest.raises(UnknownQueue, match="unknown queue 'critcal', did you mean 'critical'"):
        bill.send_with_options(args=("A-101", 5), queue_name="critcal")


@refused
@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((), {}, "flat"),
        (("A-101",), {}, "amount"),
        (("A-101", 5, True, None, 9), {}, "too many positional arguments"),
        (("A-101", 5), {"colour": "red"}, "colour"),
        (("A-101", 5), {"flat": "A-102"}, "flat"),
    ],
)
def test_missing_and_surplus_arguments_are_named(
    bill: Any, args: tuple[Any, ...], kwargs: dict[str, Any], named: str
) -> None:
    with pytest.raises(WrongArguments) as caught:
        bill.send(*args, **kwargs)
    assert named in str(caught.value)
    assert "common.bill" in str(caught.value)


@refused
@pytest.mark.parametrize(
    ("arguments", "named", "wanted"),
    [
        ({"flat": 101}, "flat", "str"),
        ({"flat": None}, "flat", "str"),
        ({"amount": "5"}, "amount", "int"),
        ({"amount": 5.0}, "amount", "int"),
        ({"amount": True}, "amount", "int"),
        ({"paid": 1}, "paid", "bool"),
        ({"note": 7}, "note", "Optional"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named_with_what_it_must_be(
    bill: Any, arguments: dict[str, Any], named: str, wanted: str
) -> None:
    said = refusal(lambda: bill.send(**{"flat": "A-101", "amount": 5, **arguments}))
    assert f"argument {named!r} must be " in said
    assert wanted in said
    assert type(arguments[named]).__name__ in said


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (int, [0, -3, 10**15], [True, "1", 1.5, None, [1]]),
        (float, [0.5, 3], [True, "0.5", None]),
        (bool, [True, False], [0, 1, "true", None]),
        (str, ["", "₹"], [1, None, ["a"]]),
        (list, [[], [1, "a"], (1, 2)], [{}, "ab", None]),
        (list[int], [[1]], ["1", {"a": 1}]),
        (dict, [{}, {"a": 1}], [[], "a", None]),
        (dict[str, int], [{"a": 1}], [[("a", 1)]]),
        (None, [None], [0, "", False]),
        (int | None, [None, 3], ["3", True]),
        (Optional[str], [None, "x"], [3]),  # noqa: UP045
        (int | list[str], [3, ["x"]], ["x", True]),
        (Literal["email", "sms"], ["email"], ["fax", None, 1]),
        (Literal[1, 2], [1], [True, "1", 3]),
        (Literal["a"] | None, [None, "a"], ["b"]),
        (Annotated[int, "rupees"], [5], ["5"]),
        (FlatId, ["A-101"], [101]),
        (Any, [1, "a", None], []),
        ("int", [1], ["1"]),
        ("no.such.type", [1, "1"], []),
    ],
)
def test_each_annotation_admits_its_own(
    broker: JobBroker, annotation: Any, right: list[Any], wrong: list[Any]
) -> None:
    def take(value: Any) -> None:
        pass

    take.__annotations__["value"] = annotation
    taker = dramatiq.actor(take, actor_name="common.take")
    for value in right:
        taker.send(value)
    assert count(broker) == len(right)
    for value in wrong:
        assert "argument 'value' must be" in refusal(lambda: taker.send(value)), value  # noqa: B023
    assert count(broker) == len(right)


def deep(levels: int) -> list[Any]:
    nest: list[Any] = []
    for _ in range(levels):
        nest = [nest]
    return nest


@refused
@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.5"),
        datetime(2026, 4, 1, tzinfo=UTC),
        {1, 2},
        b"raw",
        object(),
        float("nan"),
        float("inf"),
        [{"rate": float("-inf")}],
        "a\0b",
        {"a\0b": 1},
        [{"deep": ["\0"]}],
        "\ud83d",
        {"name": ["\udfff"]},
        {(1, 2): "a key that is no text"},
        deep(2_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_stored_is_refused_and_the_argument_named(broker: JobBroker, value: Any) -> None:
    @actor(service="common")
    def keep(first: Any, second: Any, *, third: Any = None) -> None:
        pass

    assert "argument 'second'" in refusal(lambda: keep.send("good", value))
    assert "argument 'third'" in refusal(lambda: keep.send("good", "good", third=value))


def test_texts_that_only_look_bad_are_admitted(broker: JobBroker) -> None:
    seen = []

    @actor(service="common")
    def keep(*texts: str) -> None:
        seen.extend(texts)

    texts = ["NaN", "Infinity", "\\u0000", "\\ud83d", "😀 ₹ हिन्दी", '"', "%s {schema} \\"]
    message = keep.send(*texts)
    with working(broker):
        wait_until(broker, message, "Succeeded")
    assert seen == texts


@refused
def test_a_message_over_64_kib_is_refused_and_the_largest_argument_named(broker: JobBroker) -> None:
    @actor(service="common")
    def keep(small: str, large: str) -> None:
        pass

    with pytest.raises(MessageTooLarge, match=r"at most 65,536 are allowed; argument 'large' is the largest"):
        keep.send("s" * 30_000, "l" * 40_000)


def test_the_limit_is_64_kib_of_the_message_as_it_is_stored(broker: JobBroker) -> None:
    @actor(service="common")
    def keep(text: str) -> None:
        pass

    spare = MAX_MESSAGE_BYTES - len(keep.message("").encode())
    keep.send("x" * spare)
    refusal(lambda: keep.send("x" * (spare + 1)))
    assert count(broker) == 1


@refused
@pytest.mark.parametrize(
    "options",
    [
        {"delay": "soon"},
        {"delay": True},
        {"delay": float("nan")},
        {"delay": timedelta(days=365 * 101)},
        {"eta": "2026-04-01"},
        {"eta": datetime(2026, 4, 1)},
        {"eta": True},
        {"eta": float("inf")},
        {"eta": 10**15},
        {"delay": 5, "eta": datetime(2026, 4, 1, tzinfo=UTC)},
        {"priority": "high"},
        {"priority": 1.5},
        {"priority": True},
        {"priority": 2**31},
        {"unique_key": ""},
        {"unique_key": 5},
        {"unique_key": "x" * 1001},
        {"unique_key": "a\0b"},
        {"unique_key": "\ud800"},
    ],
    ids=lambda options: ", ".join(f"{name} {str(value)[:12]!r}" for name, value in options.items()),
)
def test_options_that_make_no_sense_are_refused(bill: Any, options: dict[str, Any]) -> None:
    said = refusal(lambda: bill.send_with_options(args=("A-101", 5), **options))
    assert any(name in said for name in options) or "100 years" in said


def test_a_moment_that_has_passed_means_now(broker: JobBroker, bill: Any) -> None:
    late = bill.send_with_options(args=("A-101", 5), eta=datetime(2020, 1, 1, tzinfo=UTC))
    negative = bill.send_with_options(args=("A-102", 5), delay=-1000)
    assert job_row(broker, late)["state"] == "queued"
    assert job_row(broker, negative)["state"] == "queued"


@pytest.mark.parametrize(
    "when", [{"delay": 60_000}, {"delay": timedelta(minutes=1)}, {"eta": "in a minute"}], ids=str
)
def test_a_delayed_job_waits_in_the_table(broker: JobBroker, bill: Any, when: dict[str, Any]) -> None:
    if "eta" in when:
        when = {"eta": datetime.now(UTC) + timedelta(minutes=1)}
    row = job_row(broker, bill.send_with_options(args=("A-101", 5), **when))
    assert row["state"] == "scheduled"
    assert row["waits"] == pytest.approx(60, abs=5)


def test_options_of_the_queue_become_columns_and_leave_the_message(broker: JobBroker, bill: Any) -> None:
    sent = bill.send_with_options(args=("A-101", 5), priority=7, queue_name="critical", unique_key="k", x="y")
    row = job_row(broker, sent)
    assert (row["priority"], row["queue_name"], row["unique_key"]) == (7, "critical", "common.bill:k")
    assert row["message"]["options"] == {"x": "y"}
    assert sent.queue_name == row["message"]["queue_name"] == "critical"


def test_a_long_unique_key_of_any_letters_fits_the_index(broker: JobBroker, bill: Any) -> None:
    key = "".join(chr(0x4E00 + (i * 7919) % 20_000) for i in range(1000))
    first = bill.send_with_options(args=("A-101", 5), unique_key=key)
    second = bill.send_with_options(args=("A-101", 5), unique_key=key)
    other = bill.send_with_options(args=("A-101", 5), unique_key=key[:-1])
    assert first.message_id == second.message_id != other.message_id


@refused
def test_a_refused_job_in_a_crowd_keeps_all_of_it_out(broker: JobBroker, bill: Any) -> None:
    messages = [bill.message(f"A-{n}", n) for n in range(5)] + [bill.message("A-9", "nine")]
    with pytest.raises(JobRefused, match="amount"):
        enqueue_many(messages)


@refused
def test_a_wrong_actor_option_is_refused_where_it_stands(broker: JobBroker) -> None:
    with pytest.raises(ValueError, match="unknown service 'slaes'"):
        dramatiq.actor(lambda: None, actor_name="a", service="slaes")
    with pytest.raises(ValueError, match="unique must be 'waiting' or 'running', not 'always'"):
        dramatiq.actor(lambda: None, actor_name="b", unique="always")
    with pytest.raises(ValueError, match="retry_policy"):
        dramatiq.actor(lambda: None, actor_name="c", retry_policy="never")
    assert not {"a", "b", "c"} & set(broker.actors)
    assert rows(broker, "select 1 from {schema}.queue") == []
