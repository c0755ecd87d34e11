"""Analytics: how often something happened in a society on a day. An event counts once, by its id."""

from actors.common.analytics.counters import count_events

__all__ = ["count_events"]
