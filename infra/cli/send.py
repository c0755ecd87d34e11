"""`dhanman-jobs send`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.options import Json, KeywordArguments
from infra.cli.output import USAGE, Stop, answer, say

Values = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ARG]...", help="Arguments in order: JSON where it is JSON, else text."),
]


def send(
    actor: Annotated[str, typer.Argument(metavar="ACTOR", help="Such as sales.create_invoice.")],
    values: Values = None,
    kwarg: KeywordArguments = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="All arguments: a JSON list or object.")
    ] = None,
    delay: Annotated[
        str | None, typer.Option("--delay", metavar="TIME", help="Not before then, e.g. 10m.")
    ] = None,
    eta: Annotated[
        str | None,
        typer.Option("--eta", metavar="WHEN", help="Not before then, e.g. 2026-05-01T06:00+05:30."),
    ] = None,
    priority: Annotated[int | None, typer.Option("--priority", help="Lower runs first.")] = None,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="NAME", help="Instead of the actor's own.")
    ] = None,
    unique_key: Annotated[
        str | None,
        typer.Option("--unique-key", metavar="TEXT", help="At most one such job of the actor waits."),
    ] = None,
    json: Json = False,
) -> None:
    """Send a job and print its id.

    The call is checked as the actor's own send() would: a wrong argument is refused with exit code 2. An argument that
    begins with a dash goes behind --.

    \b
    Examples:
      dhanman-jobs send common.send_welcome_email asha@example.com Asha
      dhanman-jobs send sales.create_invoice --args '{"unit_id": "A-101", "period": "2026-04"}'
      dhanman-jobs send sales.send_invoice_reminder 42 --delay 2h --unique-key invoice-42
    """  # noqa: D301
    from infra.cli.actors import loaded_broker

    broker = loaded_broker()
    message = message_of(broker, actor, values, kwarg, args)
    options: dict[str, Any] = {
        "priority": priority,
        "queue_name": queue,
        "unique_key": unique_key,
        "eta": _eta(eta),
    }
    message = message.copy(options={name: value for name, value in options.items() if value is not None})
    sent = broker.enqueue(message, delay=_delay(delay))
    waited = sent.message_id != message.message_id
    service = broker.service_of(broker.actors[actor])
    if not answer({"id": sent.message_id, "service": service, "actor": actor, "already_waiting": waited}):
        say(sent.message_id)
        if waited:
            typer.echo("a job with this unique key waits already; this is its id", err=True)


def message_of(
    broker: Any, actor: str, values: list[str] | None, kwarg: list[str] | None, args: str | None
) -> Any:
    """The message that these words mean. Raises JobRefused for an unknown actor, Stop for words that contradict."""
    from infra.cli.stores import named_values, value_of
    from infra.queue.admission import known_actor

    known = known_actor(broker.actors, actor)
    positional = [value_of(text) for text in values or ()]
    named = named_values(kwarg, "--kwarg")
    if args is not None:
        if positional:
            raise Stop("give the arguments one by one or with --args, not both", USAGE)
        whole = value_of(args)
        if isinstance(whole, dict):
            named = {**whole, **named}
        elif isinstance(whole, list):
            positional = whole
        else:
            raise Stop(f"--args must be a JSON list or object, not {args}", USAGE)
    return known.message_with_options(args=tuple(positional), kwargs=named)


def _delay(text: str | None) -> int | None:
    from infra.cli.stores import duration

    value = duration(text, "--delay")
    return None if value is None else int(value.total_seconds() * 1000)


def _eta(text: str | None) -> Any:
    from datetime import datetime

    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Stop(
            f"--eta {text}: give a date and time with its zone, such as 2026-05-01T06:00+05:30", USAGE
        ) from None
