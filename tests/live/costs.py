"""What does a run cost? An estimate at the prices of us-east-1, each line rounded up, without the free tier."""

from __future__ import annotations

HOURS = 1.5

# What, how much, and US cents.
ROWS: list[tuple[str, str, int]] = [
    ("EC2", "3 servers of t4g.micro on average × 1.5 h × 0.0084 USD", 4),
    ("Public IPv4 addresses", "5 on average × 1.5 h × 0.005 USD", 4),
    ("EBS", "3 × 8 GiB of gp3 for 1.5 h", 1),
    ("CloudWatch", "a dashboard, 15 alarms and their metrics for 1.5 h", 2),
    ("Logs, S3, SQS, Lambda, DynamoDB, KMS", "a few thousand requests, a few megabytes", 1),
]

CENTS = sum(cents for _, _, cents in ROWS)
