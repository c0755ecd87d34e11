"""When recurring jobs are due, and that each of their times comes exactly once."""

from infra.scheduling.cron import DEFAULT_ZONE, Cron, cron
from infra.scheduling.recurring import recurring
from infra.scheduling.spec import WrongSpec
from infra.scheduling.zones import UnknownZone

__all__ = ["DEFAULT_ZONE", "Cron", "UnknownZone", "WrongSpec", "cron", "recurring"]
