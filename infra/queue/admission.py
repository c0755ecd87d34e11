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
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from dramatiq import Actor, Message

from infra.queue.errors import MessageTooLarge, UnknownActor, UnknownQueue, WrongArguments

MAX_MESSAGE_BYTES = 64 * 1024

_Check = Callable[[Any], bool]


def known_actor(actors: Mapping[str, Actor[Any, Any]], name: str) -> Actor[Any, Any]:
    try:
        return actors[name]
    except KeyError:
        raise UnknownActor(f"unknown actor {name!r}{did_you_mean(name, actors)}") from None


def known_queue(queues: Iterable[str], name: str) -> str:
    if name not in queues:
        raise UnknownQueue(f"unknown queue {name!r}{did_you_mean(name, queues)}; name it in JOBS_QUEUES to have it worked")
    return name


def did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def check_arguments(actor: Actor[Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raises WrongArguments unless the actor's function could be called so."""
    signature, checks = _shape(actor.fn)
    if signature is None:
        return
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise WrongArguments(f"{actor.actor_name}{signature}: {error}") from None
    for name, value in bound.arguments.items():
        check = checks.get(name)
        if check is not None and not check(value):
            wanted = inspect.formatannotation(signature.parameters[name].annotation).strip("'")
            raise WrongArguments(
                f"{actor.actor_name}: argument {name!r} must be {wanted}, not {type(value).__name__} ({_short(value)})"
            )


def encode(message: Message[Any], actor: Actor[Any, Any]) -> str:
    """The message as JSON text. Raises WrongArguments or MessageTooLarge."""
    try:
        data = message.encode()
        text = data.decode()
        if "NaN" in text or "Infinity" in text or "\\u0000" in text:
            _refuse_unstorable(message)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        name = _culprit(message, actor)
        raise WrongArguments(f"{actor.actor_name}: {name} cannot be stored as JSON: {error}") from None
    if len(data) > MAX_MESSAGE_BYTES:
        name = _largest(message, actor)
        raise MessageTooLarge(
            f"{actor.actor_name}: the message is {len(data):,} bytes, at most {MAX_MESSAGE_BYTES:,} are allowed; "
            f"{name} is the largest: store the data and send its id"
        )
    return text


def _refuse_unstorable(message: Message[Any]) -> None:
    # "NaN" may be part of a harmless text; only the encoder knows.
    json.dumps([message.args, message.kwargs], allow_nan=False)
    if _has_nul([message.args, message.kwargs]):
        raise ValueError("it contains the character NUL, which Postgres cannot store")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())
    return isinstance(value, list | tuple) and any(map(_has_nul, value))


def _named_arguments(message: Message[Any], actor: Actor[Any, Any]) -> dict[str, Any]:
    signature, _ = _shape(actor.fn)
    if signature is not None:
        try:
            return dict(signature.bind(*message.args, **message.kwargs).arguments)
        except TypeError:
            pass
    return {**{f"#{i}": value for i, value in enumerate(message.args)}, **message.kwargs}


def _culprit(message: Message[Any], actor: Actor[Any, Any]) -> str:
    for name, value in _named_arguments(message, actor).items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return f"argument {name!r} ({type(value).__name__})"
        if _has_nul(value):
            return f"argument {name!r}"
    return f"an option ({', '.join(message.options)})"


def _largest(message: Message[Any], actor: Actor[Any, Any]) -> str:
    arguments = _named_arguments(message, actor)
    if not arguments:
        return "an option"
    return f"argument {max(arguments, key=lambda name: len(json.dumps(arguments[name], default=str)))!r}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@lru_cache(maxsize=None)
def _shape(fn: Callable[..., Any]) -> tuple[inspect.Signature | None, dict[str, _Check]]:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return None, {}
    try:
        hints = get_type_hints(fn)
    except Exception:  # an annotation that cannot be resolved is no reason to refuse work
        hints = {}
    checks: dict[str, _Check] = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
            continue
        check = _check_of(hints[name])
        if check is not None:
            checks[name] = check
    return signature, checks


def _check_of(hint: Any) -> _Check | None:
    """A predicate for the annotations whose JSON form is plain; None where nothing can be said."""
    if hint is Any or isinstance(hint, typing.TypeVar):
        return None
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
        return lambda value: value in allowed
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
