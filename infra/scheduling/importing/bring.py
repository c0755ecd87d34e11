"""From what was found to recurring jobs: who does it, under which name, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from infra.queue.admission import did_you_mean
from infra.scheduling.add import NewRecurring, add_many
from infra.scheduling.cron import cron
from infra.scheduling.errors import RecurringRefused
from infra.scheduling.importing import actor_map, names
from infra.scheduling.importing.actor_map import Entry
from infra.scheduling.importing.commands import Call, call_of
from infra.scheduling.importing.found import CannotBe, Found

Result = Literal["added", "unchanged", "replaced", "left out", "cannot", "held back"]


@dataclass(frozen=True)
class Outcome:
    """One line or trigger, and what became of it.

    Parameters:
      result: `held back` is what could be imported, but others could not, and all or nothing was wanted.
      snippet: what the map needs, where no actor is known.
    """

    found: Found
    result: Result
    job: NewRecurring | None = None
    service: str = ""
    why_not: str = ""
    remarks: tuple[str, ...] = ()
    snippet: str = ""

    @property
    def schedule(self) -> str:
        """In words, with its zone; empty where there is none."""
        when = self.found.when
        return "" if when is None else f"{cron(when.spec, when.zone).words()} ({when.zone})"


class _Unmapped(CannotBe):
    """No actor is known for it."""


@dataclass(frozen=True)
class _Wanted:
    """A line or trigger that is to be imported."""

    found: Found
    entry: Entry
    call: Call


def bring(
    found: Sequence[Found],
    entries: Sequence[Entry],
    broker: Any,
    *,
    by: str,
    replace_others: bool = False,
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> list[Outcome]:
    """Adds what can be added; returns what became of each, in order.

    With `all_or_nothing` nothing is written unless each can be imported, and what is written is one transaction in each
    service's store. Raises psycopg2.Error.
    """
    outcomes = _planned(found, entries, broker)
    first = [
        _tried(outcome, broker, by, replace_others, dry_run=dry_run or all_or_nothing) for outcome in outcomes
    ]
    if not all_or_nothing:
        return first
    if any(outcome.result == "cannot" for outcome in first):
        return [
            replace(outcome, result="held back") if outcome.result in _DONE else outcome for outcome in first
        ]
    if not dry_run:
        for service in {outcome.service: None for outcome in outcomes if outcome.job is not None}:
            jobs = [o.job for o in outcomes if o.job is not None and o.service == service]
            add_many(broker.store(service), broker, jobs, by=by, replace=replace_others)
    return first


_DONE = ("added", "unchanged", "replaced")


def suggested(found: Iterable[Found]) -> list[tuple[Found, str]]:
    """What the map has to name an actor for, each with a name."""
    unknown = [one for one in found if one.why_not is None and not _by_itself(one)]
    return [(one, _base(one)) for one in unknown]


def _tried(outcome: Outcome, broker: Any, by: str, replace_others: bool, *, dry_run: bool) -> Outcome:
    if outcome.job is None:
        return outcome
    store = broker.store(outcome.service)
    try:
        result = add_many(store, broker, [outcome.job], by=by, replace=replace_others, dry_run=dry_run)[0]
    except RecurringRefused as error:
        return replace(outcome, result="cannot", why_not=str(error))
    return replace(outcome, result=result)


def _planned(found: Sequence[Found], entries: Sequence[Entry], broker: Any) -> list[Outcome]:
    """Each line with its actor and arguments; names are unique in the file, and the same in each reading of it."""
    chosen = [_wanted(one, entries, broker) for one in found]
    bases = [_name(item) if isinstance(item, _Wanted) else "" for item in chosen]
    wanted = [place for place, item in enumerate(chosen) if isinstance(item, _Wanted)]
    unique = dict(zip(wanted, names.unique(bases[place] for place in wanted), strict=True))
    return [
        _outcome(item, unique[place], broker) if isinstance(item, _Wanted) else item
        for place, item in enumerate(chosen)
    ]


def _wanted(found: Found, entries: Sequence[Entry], broker: Any) -> _Wanted | Outcome:
    entry = next((entry for entry in entries if entry.fits(found)), Entry())
    if entry.leave_out:
        return Outcome(found, "left out", remarks=("the map leaves it out",))
    if found.why_not is not None:
        return Outcome(found, "cannot", why_not=found.why_not, remarks=found.remarks)
    try:
        return _Wanted(found, entry, _call(found, entry, broker))
    except _Unmapped as error:
        snippet = actor_map.snippet(found, _base(found))
        return Outcome(found, "cannot", why_not=str(error), remarks=found.remarks, snippet=snippet)
    except CannotBe as error:
        return Outcome(found, "cannot", why_not=str(error), remarks=found.remarks)


def _call(found: Found, entry: Entry, broker: Any) -> Call:
    """The actor and its arguments: the map's, or what the command or the job's name says by itself."""
    if entry.actor:
        given = entry.args is not None or entry.kwargs is not None
        call = Call(entry.actor, tuple(entry.args or ()), (entry.kwargs or {}) if given else found.kwargs)
    else:
        own = call_of(found.command)
        named = [job for job in found.jobs if job in broker.actors]
        if own is None and not named:
            what = "this job" if found.jobs else "this command"
            raise _Unmapped(f"no actor is mapped to {what}")
        call = own or Call(named[0], kwargs=found.kwargs)
    if call.actor not in broker.actors:
        raise CannotBe(f"unknown actor {call.actor!r}{did_you_mean(call.actor, broker.actors)}")
    service = broker.service_of(broker.actors[call.actor])
    if entry.service not in {None, service}:
        raise CannotBe(f"{call.actor} is an actor of {service}, not of {entry.service}")
    if service not in broker.config.jobs_services:
        raise CannotBe(f"{call.actor} is an actor of {service}, which JOBS_SERVICES does not name here")
    if entry.overlap is None and found.overlap is None:
        raise CannotBe("it stopped the run before it, which has no counterpart: say overlap in the map")
    return call


def _by_itself(found: Found) -> bool:
    try:
        return call_of(found.command) is not None
    except CannotBe:
        return False


def _name(wanted: _Wanted) -> str:
    base = wanted.entry.name or _base(wanted.found, wanted.call.actor)
    number = f"-{wanted.found.number}" if wanted.found.number else ""
    return base[: names.LONGEST - len(number)] + number


def _base(found: Found, actor: str = "") -> str:
    """A name by the job's, else by the actor's or the command's."""
    own = found.jobs[0] if found.jobs else actor.rpartition(".")[2] or names.of_command(found.command)
    return names.valid(own) or names.valid(actor) or names.valid(found.where)


def _outcome(wanted: _Wanted, name: str, broker: Any) -> Outcome:
    found, entry, call = wanted.found, wanted.entry, wanted.call
    assert found.when is not None
    job = NewRecurring(
        name=name,
        actor_name=call.actor,
        spec=found.when.spec,
        zone=found.when.zone,
        args=call.args,
        kwargs=call.kwargs,
        missed=entry.missed or found.missed,
        overlap=entry.overlap or found.overlap or "allow",
        paused_reason=found.paused_reason,
    )
    remarks = (*found.when.remarks, *found.remarks, *call.remarks)
    if found.paused_reason:
        remarks += (f"paused: {found.paused_reason}",)
    service = broker.service_of(broker.actors[call.actor])
    return Outcome(found, "added", job, service, remarks=remarks)
