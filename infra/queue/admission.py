"""What may enter the queue: the checks that `send` makes, so that a wrong call fails where it was made.

Refused, naming the argument: an unknown actor or queue, a missing or surplus argument, an argument that is not of its
annotated type, one that does not serialise, a message over 64 KiB.
"""

from __future__ import annotations

import difflib
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson
from dramatiq import Actor, Message, get_encoder
from dramatiq.encoder import JSONEncoder

from infra.queue.errors import MessageTooLarge, UnknownActor, UnknownQueue, WrongArguments

MAX_MESSAGE_BYTES = 64 * 1024

HANDED_ON = object()
"""Stands for an argument that another job's result will be."""

_Check = Callable[[Any], bool]


def known_actor(actors: Mapping[str, Actor[Any, Any]], name: str) -> Actor[Any, Any]:
    try:
        return actors[name]
    except KeyError:
        raise UnknownActor(f"unknown actor {name!r}{did_you_mean(name, actors)}") from None


def known_queue(queues: Iterable[str], name: str) -> str:
    if not isinstance(name, str) or name not in queues:
        raise UnknownQueue(
            f"unknown queue {name!r}{did_you_mean(name, queues)}; name it in JOBS_QUEUES to have it worked"
        )
    return name


def did_you_mean(name: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def check_arguments(actor: Actor[Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raises WrongArguments unless the actor's function could be called so."""
    shape = _shape(actor.fn)
    if shape.signature is None:
        return
    arguments: Iterable[tuple[str, Any]]
    if not kwargs and shape.least <= len(args) <= len(shape.names):
        arguments = zip(shape.names, args, strict=False)
    else:
        try:
            arguments = shape.signature.bind(*args, **kwargs).arguments.items()
        except TypeError as error:
            raise WrongArguments(f"{actor.actor_name}{shape.signature}: {error}") from None
    for name, value in arguments:
        check = shape.checks.get(name)
        if check is not None and value is not HANDED_ON and not check(value):
            wanted = inspect.formatannotation(shape.signature.parameters[name].annotation).strip("'")
            raise WrongArguments(
                f"{actor.actor_name}: argument {name!r} must be {wanted}, not {type(value).__name__} ({_short(value)})"
            )


def encode(message: Message[Any], actor: Actor[Any, Any]) -> str:
    """The message as JSON text. Raises WrongArguments or MessageTooLarge."""
    try:
        text = _json_text(message)
        if len(text) > 2_000 or "NaN" in text or "Infinity" in text or "\\u0000" in text or "\\ud" in text:
            refuse_unstorable([message.args, message.kwargs])
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        name = _culprit(message, actor)
        raise WrongArguments(f"{actor.actor_name}: {name} cannot be stored as JSON: {error}") from None
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_MESSAGE_BYTES:
        name = _largest(message, actor)
        raise MessageTooLarge(
            f"{actor.actor_name}: the message is {size:,} bytes, at most {MAX_MESSAGE_BYTES:,} are allowed; "
            f"{name} is the largest: store the data and send its id"
        )
    return text


_plain_json = json.JSONEncoder(separators=(",", ":")).encode


def _json_text(message: Message[Any]) -> str:
    """What `message.encode()` gives; with dramatiq's own encoder, at half the cost. The queue is a known one, and an id
    that is no UUID is refused by the column beside it.
    """
    if type(get_encoder()) is not JSONEncoder:
        return message.encode().decode()
    return (
        f'{{"queue_name":"{message.queue_name}","actor_name":{_plain_json(message.actor_name)},'
        f'"args":{_plain_json(message.args)},"kwargs":{_plain_json(message.kwargs) if message.kwargs else "{}"},'
        f'"options":{_plain_json(message.options) if message.options else "{}"},'
        f'"message_id":"{message.message_id}","message_timestamp":{message.message_timestamp:d}}}'
    )


def refuse_unstorable(value: Any) -> None:
    """Raises ValueError for what Postgres or the worker would not take: NaN, NUL, lone surrogates, deep nesting."""
    text = json.dumps(value, allow_nan=False)  # "NaN" may be part of a harmless text; only the encoder knows
    if "\\u0000" in text and _has_nul(value):
        raise ValueError("it contains the character NUL, which Postgres cannot store")
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it cannot be read again: {error.msg}") from None


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())
    return isinstance(value, list | tuple) and any(map(_has_nul, value))


def _named_arguments(message: Message[Any], actor: Actor[Any, Any]) -> dict[str, Any]:
    signature = _shape(actor.fn).signature
    if signature is not None:
        try:
            return dict(signature.bind(*message.args, **message.kwargs).arguments)
        except TypeError:
            pass
    return {**{f"#{i}": value for i, value in enumerate(message.args)}, **message.kwargs}


def _culprit(message: Message[Any], actor: Actor[Any, Any]) -> str:
    for name, value in _named_arguments(message, actor).items():
        try:
            refuse_unstorable(value)
        except (TypeError, ValueError, RecursionError):
            return f"argument {name!r} ({type(value).__name__})"
    return f"an option ({', '.join(message.options)})"


def _largest(message: Message[Any], actor: Actor[Any, Any]) -> str:
    arguments = _named_arguments(message, actor)
    if not arguments:
        return "an option"
    return f"argument {max(arguments, key=lambda name: len(json.dumps(arguments[name], default=str)))!r}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a function may be called: `names` are its positional parameters where it has no others, the first `least`
    of them required; `checks` are predicates for the annotated ones.
    """

    signature: inspect.Signature | None
    names: tuple[str, ...] = ()
    least: int = 0
    checks: Mapping[str, _Check] = field(default_factory=dict)


@cache
def _shape(fn: Callable[..., Any]) -> _Shape:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return _Shape(None)
    try:
        hints = get_type_hints(fn)
    except Exception:  # noqa: BLE001 - an annotation that cannot be resolved is no reason to refuse work
        hints = {}
    checks: dict[str, _Check] = {}
    simple = True
    for name, parameter in signature.parameters.items():
        simple = simple and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
            continue
        check = _check_of(hints[name])
        if check is not None:
            checks[name] = check
    if not simple:
        return _Shape(signature, (), 1, checks)  # least > len(names): always by bind()
    required = sum(p.default is p.empty for p in signature.parameters.values())
    return _Shape(signature, tuple(signature.parameters), required, checks)


def _check_of(hint: Any) -> _Check | None:
    """A predicate for the annotations whose JSON form is plain; None where nothing can be said."""
    if hint is Any or isinstance(hint, typing.TypeVar):
        return None
    if isinstance(hint, typing.NewType):
        return _check_of(hint.__supertype__)
    if hint is None or hint is type(None):
        return lambda value: value is None
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        checks = [_check_of(option) for option in get_args(hint)]
        if any(check is None for check in checks):
            return None
        return lambda value: any(check(value) for check in checks if check is not None)
    if origin is typing.Literal:
        allowed = get_args(hint)
        return lambda value: any(value == one and type(value) is type(one) for one in allowed)
    plain = origin or hint
    if plain is bool:
        return lambda value: isinstance(value, bool)
    if plain is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    if plain is float:
        return lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if plain in (str, dict):
        return lambda value: isinstance(value, plain)
    if plain in (list, tuple):
        return lambda value: isinstance(value, list | tuple)
    return None
