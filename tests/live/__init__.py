"""What only a real account can confirm: `make test-live` asks it, writes down the answers, and takes everything away again.

Nothing here runs by itself: `make test` plays it against the simulated AWS, and a person with an account runs it. docs/LIVE.md says what it asks,
costs and needs.
"""
