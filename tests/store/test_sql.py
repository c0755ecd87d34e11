"""Statements are named, commented and kept in files; what is wrong with a file is said with its place."""

import pytest

from infra.store.sql import StatementError, Statements, load, parse

TEXT = """-- About the file.

-- name: count_ready
-- 10 % of the calls; no lock.
select count(*)
from {schema}.queue;

-- name: one
select 1
"""


def test_statements_come_without_their_comments_but_with_their_name():
    statements = Statements(dict(parse(TEXT)), "x/sql/")

    assert statements.one == "/* one */ select 1"
    assert list(statements) == ["count_ready", "one"]


def test_the_schema_is_filled_in_as_a_quoted_identifier():
    statements = Statements(dict(parse(TEXT)), "x/sql/")

    assert (
        statements.bind(schema="sales_jobs").count_ready
        == '/* count_ready */ select count(*)\nfrom "sales_jobs".queue'
    )
    assert '"odd""name".queue' in statements.bind(schema='odd"name').count_ready


def test_an_unbound_statement_is_refused():
    with pytest.raises(AttributeError, match=r"'count_ready' of x/sql/ needs \.bind\(schema="):
        _ = Statements(dict(parse(TEXT)), "x/sql/").count_ready


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"no statement named 'two' in x/sql/; it has: count_ready, one"):
        _ = Statements(dict(parse(TEXT)), "x/sql/").two


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("select 1", "f.sql:1: SQL before the first"),
        ("-- name: Bad-Name\nselect 1", "f.sql:1: 'Bad-Name' is not a lower-case name"),
        ("-- name: empty\n-- only words\n", "statement 'empty' has no SQL"),
    ],
)
def test_a_file_that_cannot_be_read(text, complaint):
    with pytest.raises(StatementError, match=complaint):
        list(parse(text, origin="f.sql"))


def test_a_package_without_statements():
    with pytest.raises(StatementError, match=r"infra\.gateways has no folder sql/"):
        load("infra.gateways")
