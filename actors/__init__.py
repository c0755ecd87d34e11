"""Every job of Dhanman. Importing this module declares all actors and does no I/O:

it is the entry point of `dramatiq actors` and `periodiq actors`.
"""

import importlib

from infra.app import broker
from infra.settings import settings

for _service in ("common", "sales"):
    importlib.import_module(f"actors.{_service}")

for _module in settings().jobs_extra_actors:
    importlib.import_module(_module)

__all__ = ["broker"]
