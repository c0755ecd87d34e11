"""Zones by the names that Windows gives them, through CLDR's table of them, which Babel brings along."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from babel.core import get_global

from infra.scheduling.zones import zone_named

RENAMED = {
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Etc/UTC": "UTC",
    "Europe/Kiev": "Europe/Kyiv",
}
"""CLDR keeps the names that it had first; these are the IANA database's own today."""


def iana(name: str) -> str:
    """The zone by either kind of name. Raises UnknownZone."""
    known = get_global("windows_zone_mapping")
    zone = known.get(name, name)
    found: ZoneInfo = zone_named(RENAMED.get(zone, zone))
    return found.key
