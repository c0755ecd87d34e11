"""Named SQL statements, kept in `.sql` files beside the code that runs them.

A file holds any number of statements. Each starts with its name, then comments that say what it does,
which index carries it and what it locks, then the SQL with psycopg2's `%(parameter)s`:

    -- name: insert_invoice_once
    -- One invoice a unit and period; the unique key makes the second insert a no-op.
    insert into sales.invoice (...) values (...) on conflict do nothing;

The only thing ever filled into a statement's text is the schema's identifier, where it says `{schema}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

SCHEMA_PLACEHOLDER = "{schema}"
_NAME_LINE = re.compile(r"^--\s*name:\s*(?P<name>\S+)\s*$")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class StatementError(ValueError):
    """A statement file that cannot be read: no name, a name used twice, or an empty statement."""


class Statements:
    """The statements of one package, as attributes.

    Parameters:
      texts: The SQL by statement name.
      home: Where the statements were read from, for error messages.
    """

    def __init__(self, texts: Mapping[str, str], home: str) -> None:
        self._texts = dict(texts)
        self._home = home

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            text = self._texts[name]
        except KeyError:
            raise AttributeError(
                f"no statement named {name!r} in {self._home}; it has: {', '.join(sorted(self._texts))}"
            ) from None
        if SCHEMA_PLACEHOLDER in text:
            raise AttributeError(f"statement {name!r} of {self._home} needs .bind(schema=...) first")
        return text

    def __iter__(self) -> Iterator[str]:
        """The names, in alphabetical order."""
        return iter(sorted(self._texts))

    def bind(self, schema: str) -> Statements:
        """The same statements with `{schema}` filled in as a quoted identifier."""
        quoted = '"' + schema.replace('"', '""') + '"'
        texts = {name: text.replace(SCHEMA_PLACEHOLDER, quoted) for name, text in self._texts.items()}
        return Statements(texts, self._home)


@cache
def load(package: str) -> Statements:
    """Every statement of the `sql/*.sql` files beside `package`."""
    folder = files(package).joinpath("sql")
    if not folder.is_dir():
        raise StatementError(f"package {package} has no folder sql/ with statements")
    home = f"{package.replace('.', '/')}/sql/"
    texts: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        for name, text in parse(file.read_text(encoding="utf-8"), origin=home + file.name):
            if name in texts:
                raise StatementError(f"{home}{file.name}: statement {name!r} already stands in another place")
            texts[name] = text
    return Statements(texts, home)


def parse(text: str, origin: str = "<text>") -> Iterator[tuple[str, str]]:
    """Split the text of one file into (name, SQL), in file order.

    Comment lines stay in the file: a `%` in a sentence would be read as a parameter. The name is kept as a
    comment in front, so that `pg_stat_activity` shows which statement runs.
    """
    name: str | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        heading = _NAME_LINE.match(line)
        if heading:
            if name is not None:
                yield name, _finished(name, body, origin)
            name, body = heading["name"], []
            if not _IDENTIFIER.fullmatch(name):
                raise StatementError(f"{origin}:{number}: {name!r} is not a lower-case name")
        elif line.lstrip().startswith("--") or not line.strip():
            continue
        elif name is None:
            raise StatementError(f"{origin}:{number}: SQL before the first '-- name: ...' line")
        else:
            body.append(line.rstrip())
    if name is not None:
        yield name, _finished(name, body, origin)


def _finished(name: str, body: list[str], origin: str) -> str:
    sql = "\n".join(body).strip().removesuffix(";").rstrip()
    if not sql:
        raise StatementError(f"{origin}: statement {name!r} has no SQL")
    return f"/* {name} */ {sql}"
