"""Check a deployment from outside: docs/conformance.md.

LEADERBOARD_TOKEN=… python -m leaderboard_client.conformance https://leaderboard.example
"""
