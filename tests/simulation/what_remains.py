"""What an installation's tables hold in the end, in a form in which two runs can be compared row for row.

Ids that were drawn at random, serial numbers of rows and moments differ between any two runs and are left out; so is
which bill or receipt of a day got which number, as jobs take numbers in the order in which they commit (gaps would be a
fault of their own, see proof.py). Whatever else people read is compared: names, dates, amounts, states, texts.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import psycopg2
from psycopg2 import sql

COLUMNS = """
    select c.relname, a.attname
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname = %s and c.relkind in ('r', 'p') and c.relname not like '%%yoyo%%'
      and a.atttypid <> all ('{uuid,timestamptz,xid8,bytea,int8}'::regtype[]) and a.attidentity = ''
    order by c.relname, a.attnum
"""

UNLIKE_WORDS = re.compile(r"\b[A-Z]{2,4}/\d{4}/\d{6}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""Numbers of bills and receipts, and ids, where they stand in texts."""
UNLIKE = {"sequence", "message_id", "key", "sha256", "path"}
"""Columns that follow from ids and numbers."""

Remains = dict[str, Counter[tuple[Any, ...]]]


def what_remains(url: str, schemas: list[str], but: dict[str, set[str]]) -> Remains:
    """Each table's rows, counted.

    Parameters:
      but: by table, as `sales.invoice`, columns that two right runs may give to different rows, such as how long a
        run took; "*" leaves the table out.
    """
    connection = psycopg2.connect(url)
    remains: Remains = {}
    with connection, connection.cursor() as cursor:
        for schema in schemas:
            cursor.execute(COLUMNS, (schema,))
            columns: dict[str, list[str]] = {}
            for table, column in cursor.fetchall():
                if column not in UNLIKE and not but.get(f"{schema}.{table}", set()) & {column, "*"}:
                    columns.setdefault(table, []).append(column)
            for table, names in columns.items():
                statement = sql.SQL("select {} from {}").format(
                    sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names),
                    sql.Identifier(schema, table),
                )
                cursor.execute(statement)
                remains[f"{schema}.{table}"] = Counter(
                    tuple(value and UNLIKE_WORDS.sub("…", value) for value in row)
                    for row in cursor.fetchall()
                )
    connection.close()
    return remains


def differences(one: Remains, other: Remains, most: int = 20) -> list[str]:
    """Rows of the one that are not in the other, and the other way round, as lines for people."""
    lines = []
    for table in sorted(one.keys() | other.keys()):
        here, there = one.get(table, Counter()), other.get(table, Counter())
        lines += [f"{table}: only in the first: {row} × {many}" for row, many in (here - there).items()]
        lines += [f"{table}: only in the second: {row} × {many}" for row, many in (there - here).items()]
    return lines[:most]
