"""Shell commands of old schedules: which of them say by themselves what is to be sent."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from infra.scheduling.importing.found import CannotBe

PROGRAM = "dhanman-jobs"

_SEND = re.compile(
    rf'(?:^|(?<=\s))(?:"[^"]*[\\/]{PROGRAM}(?:\.exe)?"|(?:\S*[\\/])?{PROGRAM}(?:\.exe)?)\s+send(?=\s)'
)
_REDIRECTIONS = re.compile(r"(?:\s+(?:\d?>{1,2}|&>{1,2}|<)\s*(?:&\d|&-|[^\s;&|<>'\"]+))+\s*$")
_CHANGE_OF_FOLDER = re.compile(r"^\s*cd\s+[^\s;&|]+\s*&&\s*")
_STORE = re.compile(r"(?:JOBS_DATABASE_URL|DHANMAN_\w+_JOBS_URL)(?==)")
_SETTINGS = re.compile(r"^\s*(?:[A-Za-z_]\w*=[^\s'\"]*\s+)+")


@dataclass(frozen=True)
class Call:
    """An actor and what it is called with."""

    actor: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def call_of(command: str) -> Call | None:
    """What `dhanman-jobs send` would send; None for another command. Raises CannotBe where the shell, or an option,
    does what a recurring job cannot.
    """
    whole = command
    command = without_comment(command)
    if not _SEND.search(command):
        return None
    plain = _SEND.sub(f"{PROGRAM} send", _CHANGE_OF_FOLDER.sub("", _REDIRECTIONS.sub("", command)), count=1)
    remarks: tuple[str, ...] = ()
    if command != whole:
        remarks += (f"a comment to the shell, not carried over: {whole[len(command) :].strip()}",)
    if (redirections := _REDIRECTIONS.search(command)) and ">" in redirections[0]:
        remarks += ("its output went to a file; a job's stands in its log",)
    if settings := _SETTINGS.match(plain):
        if store := _STORE.search(settings[0]):
            raise CannotBe(
                f"it sends to the store that {store[0]} names in this line: import it with that store's settings, "
                "and without this one in the line"
            )
        remarks += (f"{settings[0].strip()} is not carried over",)
        plain = plain[settings.end() :]
    if mark := _shell_mark(plain):
        raise CannotBe(f"the shell has a part in this command ({mark}): map it")
    try:
        words = shlex.split(plain)
    except ValueError as error:
        raise CannotBe(f"the command's quotes do not match ({error})") from None
    if words[:2] == ["uv", "run"]:
        words = words[2:]
    if words[:2] != [PROGRAM, "send"]:
        return None
    return _sent(words[2:], remarks)


def _sent(words: list[str], remarks: tuple[str, ...]) -> Call:
    given = _Words(prog=f"{PROGRAM} send", add_help=False, allow_abbrev=False)
    given.add_argument("actor")
    given.add_argument("values", nargs="*")
    given.add_argument("-k", "--kwarg", action="append", default=[])
    given.add_argument("--args")
    for option in ("--delay", "--eta", "--priority", "--queue", "--unique-key"):
        given.add_argument(option)
    given.add_argument("--json", action="store_true")
    options = given.parse_intermixed_args(words)
    if options.delay or options.eta:
        raise CannotBe("a recurring job is sent when it is due: put the --delay or --eta into its schedule")
    args = [_value(text) for text in options.values]
    kwargs: dict[str, Any] = {}
    if options.args is not None:
        whole = _value(options.args)
        if isinstance(whole, list) and not args:
            args = whole
        elif isinstance(whole, dict) and not args:
            kwargs = whole
        else:
            raise CannotBe("--args must be a JSON list or object, and the only arguments")
    for pair in options.kwarg:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise CannotBe(f"--kwarg {pair}: NAME=VALUE is needed")
        kwargs[name] = _value(text)
    own = [f"--{name}" for name in ("priority", "queue", "unique_key") if getattr(options, name) is not None]
    if own:
        remarks += (f"{', '.join(own).replace('_', '-')} not carried over: runs have the actor's own",)
    return Call(options.actor, tuple(args), kwargs, remarks)


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotBe(f"{PROGRAM} send: {message}")


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself: as `send` reads it."""
    try:
        return json.loads(text)
    except ValueError:
        return text


BETWEEN_WORDS = frozenset(" \t;&|()<>")


def without_comment(command: str) -> str:
    """What sh runs of it: a word that begins with an unquoted # ends the command."""
    before = " "
    for place, letter, quote in _letters(command):
        if letter == "#" and not quote and before in BETWEEN_WORDS:
            return command[:place].rstrip()
        before = "quoted" if quote else letter
    return command


def _shell_mark(command: str) -> str:
    """The first character that the shell acts on, outside of quotes where these take its meaning away."""
    for _, letter, quote in _letters(command):
        if letter in ("$`" if quote == '"' else "" if quote else "$`;&|<>()*"):
            return letter
    return ""


def _letters(command: str) -> Iterator[tuple[int, str, str]]:
    """Each character with its place and its quote; what stands behind a backslash counts as quoted by that."""
    quote = ""
    escaped = False
    for place, letter in enumerate(command):
        if escaped:
            escaped = False
            yield place, letter, "\\"
        elif letter == "\\" and quote != "'":
            escaped = True
        elif letter == quote:
            quote = ""
            yield place, letter, letter
        elif not quote and letter in "\"'":
            quote = letter
            yield place, letter, letter
        else:
            yield place, letter, quote
