"""The rules of composition, written once more and as plainly as can be: what must become of every part of a graph.

    A member starts once everything that it comes after allows it: `success` is met by Succeeded, `finished` by any
    finished state. A job that waits is not finished.
    A member that comes after the success of something Cancelled is Cancelled, whatever else it waits for; a batch or
    workflow with all that is in it.
    A whole that has not started keeps its members waiting, callbacks of those inside it too.
    A whole is complete when nothing of it can go on: done if all its members succeeded, cancelled if it was cancelled
    before it started, else failed.
    The callbacks come after it, on_success after its success, on_complete after its end, and are members of the whole
    around it.

There is no time here: whatever the order in which things happen, the end must be this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from tests.support.graphs import Chain, Job, Whole

Start = Literal["runs", "waits", "is cancelled"]
State = Literal["done", "failed", "rejected", "cancelled", "awaiting"]


@dataclass
class Fates:
    """What becomes of a graph.

    Parameters:
      states: of every job that comes to be, by name.
      given: the arguments that jobs are handed, of those that run.
      waited: the jobs that waited for something before they ran.
      outcomes: of every whole, by name; None for one that is not complete, because it never started.
      members: the names of the jobs that are members of each whole, those inside nested ones left out.
    """

    states: dict[str, State] = field(default_factory=dict)
    given: dict[str, list[Any]] = field(default_factory=dict)
    waited: set[str] = field(default_factory=set)
    outcomes: dict[str, State | None] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)


def foretell(graph: Whole, first: Fates | None = None) -> Fates:
    """What becomes of a graph; with `first`, which is that, what becomes of it in the end, when what fails was repaired
    and what had failed was retried.
    """
    teller = _Teller(first)
    teller.whole(graph, "runs", waited=False)
    teller.callbacks(graph, None, "runs")
    if first is not None:
        teller.fates.given |= first.given  # who ran before was told what was so then
    return teller.fates


class _Teller:
    def __init__(self, first: Fates | None) -> None:
        self.first = first
        self.fates = Fates()

    def whole(self, whole: Whole, start: Start, *, waited: bool) -> State:
        self.fates.members[whole.name] = []
        ends: list[State] = []
        for member in whole.members:
            member_start = _start(start, [(ends[before], condition) for before, condition in member.after])
            late = waited or bool(member.after)
            if isinstance(member.item, Whole):
                ends.append(self.whole(member.item, member_start, waited=late))
                self.callbacks(member.item, whole, start)
                continue
            given = [
                self.result(whole.members[before].item, ends[before], condition)
                for before, condition in member.after
                if member.results and not isinstance(whole.members[before].item, Whole)
            ]
            jobs = member.item.jobs if isinstance(member.item, Chain) else (member.item,)
            end = self.job(jobs[0], whole, member_start, given, waited=late)
            for before, job in pairwise(jobs):
                end = self.job(job, whole, _start(start, [(end, "success")]), [before.name], waited=True)
            ends.append(end)
        outcome = self.outcome(whole, start)
        self.fates.outcomes[whole.name] = outcome
        return outcome or "awaiting"

    def job(self, job: Job, within: Whole | None, start: Start, given: list[Any], *, waited: bool) -> State:
        state = self.end_of(job, start)
        self.fates.states[job.name] = state
        if within is not None:
            self.fates.members[within.name].append(job.name)
        if state in ("done", "failed", "rejected") or (
            state == "cancelled" and job.end == "stops" and start == "runs"
        ):
            self.fates.given[job.name] = given
            if waited:
                self.fates.waited.add(job.name)
        if state == "done":
            for added in job.adds:
                self.job(added, within, "runs", [], waited=False)
        return state

    def end_of(self, job: Job, start: Start) -> State:
        if job.end == "is cancelled" or start == "is cancelled":
            return "cancelled"
        if start == "waits":
            return "awaiting"
        if job.end == "stops":
            return "cancelled"
        if job.end == "fails" and self.first is None:
            return "failed" if job.service == "common" else "rejected"  # so their actors have it
        return "done"

    def result(
        self, item: Job | Chain | Whole, end: State, condition: Literal["success", "finished"]
    ) -> str | None:
        """What a member hands on: each job returns its name. Who does not wait for its success is handed what there was
        when it first ended.
        """
        last = item.jobs[-1] if isinstance(item, Chain) else item
        if condition == "finished" and self.first and self.first.states[last.name] in ("failed", "rejected"):
            return None
        return last.name if end == "done" else None

    def outcome(self, whole: Whole, start: Start) -> State | None:
        if start == "waits":
            return None
        counts = self.counts(whole)
        if start == "is cancelled":
            return "done" if counts["succeeded"] == counts["total"] > 0 else "cancelled"
        return "done" if counts["succeeded"] == counts["total"] else "failed"

    def callbacks(self, whole: Whole, around: Whole | None, start: Start) -> None:
        """`start`: of what is around."""
        outcome = self.fates.outcomes[whole.name] or "awaiting"
        handed = [whole.name, self.counts(whole)]
        if whole.on_success is not None:
            starts = _start(start, [(outcome, "success")])
            self.job(whole.on_success, around, starts, handed, waited=True)
        if whole.on_complete is not None:
            starts = _start(start, [(outcome, "finished")])
            self.job(whole.on_complete, around, starts, handed, waited=True)

    def counts(self, whole: Whole) -> dict[str, int]:
        """What callbacks are told: of all members, those inside nested ones included."""
        states = [self.fates.states[name] for name in self._names(whole)]
        return {
            "total": len(states),
            "succeeded": states.count("done"),
            "failed": states.count("failed") + states.count("rejected"),
            "cancelled": states.count("cancelled"),
        }

    def _names(self, whole: Whole) -> list[str]:
        names = list(self.fates.members[whole.name])
        for member in whole.members:
            if isinstance(member.item, Whole):
                names += self._names(member.item)
        return names


def _start(around: Start, before: list[tuple[State, Literal["success", "finished"]]]) -> Start:
    if any(end == "cancelled" and condition == "success" for end, condition in before):
        return "is cancelled"
    if around != "runs":
        return around
    met = all(end == "done" or (condition == "finished" and end != "awaiting") for end, condition in before)
    return "runs" if met else "waits"
