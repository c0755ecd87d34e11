"""Payslips: what they say, how they look, and that each is given once."""
