"""One clock for a whole installation that can be set ahead, and runs on from there.

Every schema asks its function `clock()`. Here these functions are replaced by one that adds a shift to the server's
time, so that all processes see the same moved time at once, and leases and heartbeats still last real seconds.
"""

from __future__ import annotations

from datetime import datetime

import psycopg2

CLOCK = """
    create schema if not exists simulation;
    create table if not exists simulation.shift (by interval not null);
    insert into simulation.shift select interval '0' where not exists (select from simulation.shift);
"""
OF_A_SCHEMA = """
    create or replace function {schema}.clock() returns timestamptz language sql stable
    as $$ select statement_timestamp() + by from simulation.shift $$
"""
SCHEMAS = """
    select quote_ident(n.nspname) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.proname = 'clock' and p.pronargs = 0 and n.nspname not like 'pg\\_%%'
"""


class MovingClock:
    """The clock of one database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._ask(CLOCK)
        for (schema,) in self._ask(SCHEMAS):
            self._ask(OF_A_SCHEMA.format(schema=schema))

    def now(self) -> datetime:
        ((now,),) = self._ask("select statement_timestamp() + by from simulation.shift")
        return now

    def set(self, moment: datetime) -> None:
        """From now on it is this moment."""
        self._ask("update simulation.shift set by = %s - statement_timestamp()", moment)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, query: str, *parameters: object) -> list[tuple]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
