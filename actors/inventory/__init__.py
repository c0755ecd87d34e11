"""Inventory: stock, its levels, expiry and value. These names are what other rooms may import."""

from actors.inventory.actors import (
    adjust_stock,
    check_expiry,
    check_expiry_everywhere,
    check_low_stock,
    check_low_stock_everywhere,
    issue_stock,
    receive_stock,
    report_stock,
    report_stock_everywhere,
    return_stock,
    reverse_movement,
    write_down_stock,
)

__all__ = [
    "adjust_stock",
    "check_expiry",
    "check_expiry_everywhere",
    "check_low_stock",
    "check_low_stock_everywhere",
    "issue_stock",
    "receive_stock",
    "report_stock",
    "report_stock_everywhere",
    "return_stock",
    "reverse_movement",
    "write_down_stock",
]
