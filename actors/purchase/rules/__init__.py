"""How orders are approved, bills matched, tax kept back and vendors paid: pure functions over plain values.

Nothing here knows of jobs, databases or mail. Amounts are `Decimal` rupees; every rate and limit comes in as dated
data. A rule marked "to confirm" waits for the society's accountant; docs/domain.md lists them all.
"""
