"""Every job of Dhanman. Importing this module declares all actors and does no I/O:

it is the entry point of `dramatiq actors` and `periodiq actors`.
"""

import importlib
import sys
from importlib.util import find_spec

from infra.app import broker
from infra.scheduling.ticker import declare_ticker
from infra.settings import settings

for _service in ("common", "sales", "purchase", "payroll", "community", "inventory"):
    if find_spec(f"actors.{_service}") is not None:
        importlib.import_module(f"actors.{_service}")

if find_spec("periodic") is not None:  # loaded by name: imports run periodic → pipelines → actors
    importlib.import_module("periodic")

declare_ticker(broker)

for _module in settings().jobs_extra_actors:
    try:
        importlib.import_module(_module)
    except ModuleNotFoundError as _error:
        if _error.name != _module:
            raise
        sys.stderr.write(f"JOBS_EXTRA_ACTORS={_module!r}: there is no such module on the Python path\n")
        raise SystemExit(2) from None

__all__ = ["broker"]
