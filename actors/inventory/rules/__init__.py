"""What the store is reckoned by: levels, expiry, valuation, ageing, postings. Plain values in, plain values out."""
