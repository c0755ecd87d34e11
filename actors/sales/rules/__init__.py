"""What a society's bill, its number and its postings must be: pure functions over plain values.

Nothing here knows of jobs, databases or mail. Amounts are `Decimal` rupees; every rate comes in as dated
data. A rule marked "to confirm" waits for the society's accountant; docs/domain.md lists them all.
"""
