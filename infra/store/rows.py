"""Rows of a business table by column name, and ids that were typed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function
from psycopg2.extras import NamedTupleCursor


def one_row(connection: Connection, statement: str, **parameters: Any) -> Any:
    """The first row of a statement, by column name, or None."""
    return next(iter(all_rows(connection, statement, **parameters)), None)


def all_rows(connection: Connection, statement: str, **parameters: Any) -> list[Any]:
    """The rows of a statement, by column name."""
    with connection.cursor(cursor_factory=NamedTupleCursor) as cursor:
        cursor.execute(statement, parameters)  # type: ignore[no-untyped-call]
        return cursor.fetchall()


def checked_id(text: str | UUID, what: str, error: type[LookupError]) -> str:
    """As text; raises `error` for what is no id at all."""
    try:
        return str(text if isinstance(text, UUID) else UUID(text))
    except ValueError:
        raise error(f"{text!r} is not the id of any {what}") from None
