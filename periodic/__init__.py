"""When Dhanman's jobs run: a file a service, each job a thin actor under its annotation.

Times are those of Asia/Kolkata.
"""

from periodic import common, community, inventory, payroll, purchase, sales

__all__ = ["common", "community", "inventory", "payroll", "purchase", "sales"]
