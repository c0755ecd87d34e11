"""The month's returns: provident fund, ESI, professional tax, TDS; tied to the books, mailed once."""
