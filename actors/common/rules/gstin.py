"""The GST number and its check character."""

from __future__ import annotations


def gstin(state_code: str, pan: str) -> str:
    """The GST number of a PAN's first registration in a State, with its check character (base 36, weights 1, 2)."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    body = f"{state_code}{pan}1Z"
    total = 0
    for position, character in enumerate(body):
        product = digits.index(character) * (position % 2 + 1)
        total += product // 36 + product % 36
    return body + digits[-total % 36]
