"""Keys that stand in an index: unique keys and limits."""

from __future__ import annotations

import hashlib


def short_enough(key: str) -> str:
    """An index holds no more than 2,700 bytes; enqueue() in the schema shortens in the same way."""
    data = key.encode()
    return key if len(data) <= 1000 else hashlib.sha256(data).hexdigest()
