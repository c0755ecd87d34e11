"""What a claimer looks at, and what it leaves alone."""

from __future__ import annotations

import time

from infra.queue.limit_watch import IN_VAIN, OUTRANKED, QUIET, LimitWatch, Look


def look(watch: LimitWatch, room: int = 4, *, later: float = 0.0) -> Look | None:
    now = time.monotonic() + later
    assert watch.anything(now) or watch.next(now, room) is None
    return watch.next(now, room)


def test_a_limit_is_looked_at_once_however_often_it_is_heard_of() -> None:
    watch = LimitWatch()
    assert look(watch) is None
    watch.heard(["a", "b", "a"])
    assert look(watch) == (["a", "b"], "", [])
    assert look(watch) is None


def test_without_room_only_what_ended_here_is_looked_at_so_that_others_hear_of_it() -> None:
    watch = LimitWatch()
    watch.heard(["a"])
    watch.freed(["b"])
    assert look(watch, room=0) == (["b"], "", ["b"])
    assert look(watch, room=0) is None
    assert look(watch) == (["a"], "", [])


def test_a_limit_held_back_by_its_rate_is_left_alone_until_it_is_due() -> None:
    watch = LimitWatch()
    watch.heard(["a"])
    first = look(watch)
    assert first is not None
    watch.looked(first, 2, [("a", 10.0)], 4)
    watch.heard(["a"])
    assert look(watch) is None
    assert 9 < watch.due_at - time.monotonic() < 10
    assert look(watch, later=11) == (["a"], "", [])


def test_a_limit_looked_at_in_vain_is_left_alone_for_a_moment_unless_a_job_ends_here() -> None:
    watch = LimitWatch()
    watch.heard(["a"])
    first = look(watch)
    assert first is not None
    watch.looked(first, 0, [("a", IN_VAIN)], 4)
    watch.heard(["a"])
    assert look(watch) is None
    assert look(watch, later=2 * QUIET) == (["a"], "", [])
    watch.freed(["a"])
    assert look(watch) == (["a"], "", ["a"])


def test_jobs_of_worse_priority_are_looked_at_when_the_others_are_through() -> None:
    watch = LimitWatch()
    watch.heard(["a"])
    first = look(watch)
    assert first is not None
    watch.looked(first, 0, [("a", OUTRANKED)], 4)
    assert look(watch) is None
    watch.others_finished()
    assert look(watch) == (["a"], "", [])


def test_a_look_at_all_goes_on_where_it_stopped_and_begins_anew_when_the_room_was_short() -> None:
    watch = LimitWatch()
    watch.heard([""])
    first = look(watch)
    assert first == (None, "", [])
    watch.looked(first, 4, [("k", None)], 4)
    second = look(watch)
    assert second == (None, "k", [])
    watch.looked(second, 1, [], 4)
    third = look(watch)
    assert third == (None, "", [])
    watch.looked(third, 0, [], 4)
    assert look(watch) is None


def test_a_look_at_all_that_was_asked_for_meanwhile_begins_anew() -> None:
    watch = LimitWatch()
    watch.heard([""])
    first = look(watch)
    assert first is not None
    watch.heard([""])
    watch.looked(first, 0, [], 4)
    assert look(watch) == (None, "", [])


def test_neither_a_look_at_all_nor_single_limits_keep_the_other_waiting() -> None:
    watch = LimitWatch()
    watch.heard(["", "a"])
    seen = []
    for _ in range(4):
        found = look(watch)
        assert found is not None
        seen.append(found.keys)
        watch.looked(found, 4, [("k", None)] if found.keys is None else [], 4)
        watch.heard(["a"])
    assert seen == [["a"], None, ["a"], None]
