"""The outside world: mail and printed documents."""
