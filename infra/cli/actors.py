"""The actors of this installation. infra knows none by import: they are found by name, as `dramatiq actors` does."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infra.settings import SERVICES, settings

ROOM = "actors"


def loaded_broker() -> Any:
    """The process's broker with every actor declared on it."""
    on_the_path()
    if find_spec(ROOM) is not None:
        importlib.import_module(ROOM)
    else:
        for module in settings().jobs_extra_actors:
            importlib.import_module(module)
    from infra.app import broker

    return broker


def on_the_path() -> None:
    """The working directory counts, as for dramatiq's own command; JOBS_EXTRA_ACTORS may live there."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def migration_folders() -> dict[str, Path]:
    """The services whose reference tables this installation brings along, and where their migrations are."""
    spec = find_spec(ROOM)
    if spec is None or spec.submodule_search_locations is None:
        return {}
    roots = [Path(place) for place in spec.submodule_search_locations]
    found = {service: root / service / "migrations" for root in roots for service in SERVICES}
    return {service: folder for service, folder in found.items() if folder.is_dir()}
