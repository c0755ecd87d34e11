"""Rules that every service reckons by: rupees, the financial year, dated rates, double entry."""
