"""Files of other schedulers as text, in whatever encoding Windows wrote them, and their XML without its dangers."""

from __future__ import annotations

import codecs
import re
from xml.etree.ElementTree import Comment, Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from infra.scheduling.importing.found import Unreadable

MOST_BYTES = 16 * 1024 * 1024

_DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")


def text_of(data: bytes) -> str:
    """UTF-16 by its mark or its zeros, else UTF-8. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"the file has {len(data):,} bytes; {MOST_BYTES:,} are allowed")
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data[1:2] == b"\0":
        encoding = "utf-16-le"
    elif data[:1] == b"\0":
        encoding = "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"the file is not {encoding.removesuffix('-sig')} ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from None
    if "\0" in text:
        raise Unreadable("the file is no text: it contains NUL")
    return text


def documents(text: str) -> list[Element]:
    """The roots of the XML documents that stand one behind the other; with comments, as some name what follows.

    Document types are refused, and with them entities of whatever kind: these formats have none. Raises Unreadable.
    """
    parts = [part for part in _DECLARATION.split(text) if part.strip()]
    if not parts:
        raise Unreadable("the file is empty")
    roots = []
    for part in parts:
        parser = DefusedXMLParser(target=TreeBuilder(insert_comments=True), forbid_dtd=True)
        try:
            parser.feed(part.strip())
            root: Element = parser.close()
        except DefusedXmlException:
            raise Unreadable("the XML has a document type or entities, which are refused") from None
        except ParseError as error:
            raise Unreadable(f"no well-formed XML: {error}") from None
        roots.append(root)
    return roots


def local(element: Element) -> str:
    """The element's name without its namespace; empty for a comment."""
    tag: object = element.tag
    return "" if tag is Comment else str(tag).rpartition("}")[2]


def child(element: Element | None, *path: str) -> Element | None:
    """The first child of this name, and its child, and so on."""
    for name in path:
        element = (
            next((inner for inner in element if local(inner) == name), None) if element is not None else None
        )
    return element


def said(element: Element | None, *path: str) -> str:
    """The text there, or nothing."""
    found = child(element, *path)
    return "" if found is None else (found.text or "").strip()


def children(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else [inner for inner in element if local(inner) == name]
