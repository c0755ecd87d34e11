"""What the daily life of a society is reckoned by: passes, complaints, events. Plain values in, plain values out."""
