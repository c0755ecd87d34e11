"""Which rates and limits a bill and its late interest ask for, by their codes in `sales.tax_rate`."""

CGST = "CGST_MAINTENANCE"
SGST = "SGST_MAINTENANCE"
MEMBER_LIMIT = "GST_MEMBER_MONTHLY_LIMIT"
TURNOVER_LIMIT = "GST_TURNOVER_LIMIT"
NOC_CAP = "NOC_CAP"
LATE_INTEREST_CAP = "LATE_INTEREST_CAP"
