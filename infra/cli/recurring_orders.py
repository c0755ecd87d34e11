"""`dhanman-jobs recurring`, what operators change: trigger, pause, resume, reschedule, add, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.options import Json, KeywordArguments, Reason, Service, Yes
from infra.cli.output import USAGE, Stop, answer, say
from infra.cli.recurring_shown import Name, local, one, paused

Zone = Annotated[
    str | None, typer.Option("--zone", metavar="ZONE", help="Such as Asia/Kolkata, the default.")
]


def trigger(name: Name, service: Service = None, json: Json = False) -> None:
    """Run a recurring job now, whatever the calendar says, and also when it is paused.

    \b
    Examples:
      dhanman-jobs recurring trigger check-overdue-invoices
    """  # noqa: D301
    from infra.cli.actors import loaded_broker
    from infra.cli.stores import by_whom
    from infra.scheduling import operate

    store, _ = one(name, service)
    message_id = operate.trigger(store, loaded_broker(), name, by=by_whom())
    if not answer({"name": name, "id": message_id}):
        say(f"triggered {name}: job {message_id}")


def pause(name: Name, reason: Reason = None, service: Service = None, json: Json = False) -> None:
    """Let a recurring job not run until it is resumed.

    \b
    Examples:
      dhanman-jobs recurring pause send-payment-reminders --reason "mail server moves"
    """  # noqa: D301
    from infra.cli.stores import by_whom
    from infra.scheduling import operate

    store, _ = one(name, service)
    done = operate.pause(store, name, by=by_whom(), reason=reason)
    _, job = one(name, store.service)  # as it is now: where it was paused before, by whom and why
    if answer({"name": name, "paused": done, "paused_by": job.paused_by, "pause_reason": job.pause_reason}):
        return
    say(f"paused {name}" if done else f"{name} is unchanged: {paused(job)}")


def resume(name: Name, service: Service = None, json: Json = False) -> None:
    """Let a paused recurring job run again, from its next time on.

    \b
    Examples:
      dhanman-jobs recurring resume send-payment-reminders
    """  # noqa: D301
    from infra.scheduling import operate

    store, _ = one(name, service)
    done = operate.resume(store, name)
    if not answer({"name": name, "resumed": done}):
        say(f"resumed {name}" if done else f"{name} was not paused")


def reschedule(
    name: Name,
    spec: Annotated[
        str | None,
        typer.Argument(metavar="[SPEC]", help="Five fields in one word, or a name such as @daily."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Such as Asia/Kolkata (default: as it is).")
    ] = None,
    back: Annotated[bool, typer.Option("--reset", help="Back to the code's own schedule.")] = False,
    service: Service = None,
    json: Json = False,
) -> None:
    """Give a recurring job another schedule, which a deploy leaves as it is, or the code's own again.

    What was due by the old schedule is not made up for; a paused job stays paused.

    \b
    Examples:
      dhanman-jobs recurring reschedule generate-monthly-invoices "30 7 2 * *"
      dhanman-jobs recurring reschedule send-payment-reminders "0 10 * * mon-fri" --zone Asia/Dubai
      dhanman-jobs recurring reschedule generate-monthly-invoices --reset
    """  # noqa: D301
    from infra.cli.stores import by_whom
    from infra.scheduling import operate

    if back and (spec or zone):
        raise Stop("give a schedule, or --reset for the code's own, not both", USAGE)
    if not back and spec is None:
        raise Stop('give a schedule such as "30 7 2 * *", or --reset for the code\'s own', USAGE)
    store, job = one(name, service)
    if back:
        done = operate.reset(store, name)
    else:
        done = operate.reschedule(store, name, spec=spec or "", zone=zone, by=by_whom())
    before, after = _schedule(done.before), _schedule(done.after)
    next_at = None if job.paused_at else done.next_at
    if answer({"name": name, "changed": done.changed, "before": before, "after": after, "next_at": next_at}):
        return
    if not done.changed:
        say(f"{name} is unchanged: {_said(after)}" + (", as the code says" if back else ""))
        return
    say(f"rescheduled {name}", f"  was   {_said(before)}", f"  is    {_said(after)}")
    if job.paused_at:
        say(f"  next  when it is resumed: {paused(job)}")
    else:
        say(f"  next  {local(next_at, after['zone']) or 'never'}")


def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name of its own: small letters, digits and dashes.")
    ],
    actor: Annotated[str, typer.Argument(metavar="ACTOR", help="Such as common.database_backup.")],
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="Five fields in one word, or a name such as @daily.")
    ],
    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", metavar="VALUE", help="An argument, in order: JSON where it is JSON, else text."
        ),
    ] = None,
    kwarg: KeywordArguments = None,
    zone: Zone = None,
    missed: Annotated[
        str, typer.Option("--missed", metavar="POLICY", help="Ticks that nobody sent: once, all, skip.")
    ] = "once",
    overlap: Annotated[
        str,
        typer.Option(
            "--overlap", metavar="POLICY", help="When the run before has not ended: allow, skip, queue."
        ),
    ] = "allow",
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="Whose job it is (default: the actor's).")
    ] = None,
    json: Json = False,
) -> None:
    """Add a recurring job that no code declares. It runs from the next minute on, without a deploy.

    The call is checked as the actor's own send() would. The same job added again is left as it is.

    \b
    Examples:
      dhanman-jobs recurring add backup-at-noon common.database_backup "0 12 * * *"
      dhanman-jobs recurring add greet-asha common.send_welcome_email @weekly --arg asha@example.com --arg Asha
      dhanman-jobs recurring add bill-towers sales.bill_society "0 6 1 * *" -k society=towers --overlap skip
    """  # noqa: D301
    from infra.cli.actors import loaded_broker
    from infra.cli.stores import by_whom, named_values, stores, value_of
    from infra.queue.admission import known_actor
    from infra.scheduling import operate
    from infra.scheduling.cron import DEFAULT_ZONE

    broker = loaded_broker()
    [store] = stores(service or broker.service_of(known_actor(broker.actors, actor)))
    became = operate.add(
        store,
        broker,
        name=name,
        actor_name=actor,
        spec=spec,
        zone=zone or DEFAULT_ZONE,
        args=[value_of(text) for text in arg or ()],
        kwargs=named_values(kwarg, "--kwarg"),
        missed=missed,
        overlap=overlap,
        by=by_whom(),
    )
    _, job = one(name, store.service)
    if answer({"name": name, "service": store.service, "became": became, "next_at": job.next_at}):
        return
    say(
        f"added {name}: {job.words} ({job.zone}), next run {local(job.next_at, job.zone) or 'never'}"
        if became == "added"
        else f"{name} is there already"
    )
    if not job.registered:
        say(
            f"{actor} is not known to the store yet: run `dhanman-jobs migrate`, or start a worker that has it"
        )


def remove(name: Name, yes: Yes = False, service: Service = None, json: Json = False) -> None:
    """Remove a recurring job that was added at run time, or that no code declares any more. Its history stays.

    \b
    Examples:
      dhanman-jobs recurring remove backup-at-noon
    """  # noqa: D301
    from infra.cli.bulk import ask
    from infra.scheduling import operate

    store, job = one(name, service)
    refused = job.code_spec is not None and not job.orphaned_at
    if not (yes or refused):
        ask("remove", f"{name} ({job.words})")
    operate.remove(store, name)
    if not answer({"name": name, "removed": True}):
        say(f"removed {name}")


def _schedule(when: Any) -> dict[str, str]:
    return {"spec": when.spec, "zone": when.zone.key, "words": when.words()}


def _said(schedule: dict[str, str]) -> str:
    return f"{schedule['words']} ({schedule['zone']})"
