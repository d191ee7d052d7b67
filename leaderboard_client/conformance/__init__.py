"""Check a deployment from outside: docs/conformance.md.

python -m leaderboard_client.conformance https://leaderboard.example --token …
"""
