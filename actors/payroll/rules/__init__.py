"""Rules of pay: plain values in, plain values out; nothing here reads a database or a clock.

Amounts are Decimal rupees. Every rate of the law comes as a row of `stat_rate`: see `law`.
"""
