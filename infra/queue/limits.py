"""Limits that actors set on their own jobs: how many run at once, and how many start in a time."""

from __future__ import annotations

from typing import Any

from dramatiq import Actor, Message


def limit_key_of(message: Message[Any], actor: Actor[Any, Any]) -> str | None:
    """The limit that a job counts under; None for an actor without one."""
    return None
