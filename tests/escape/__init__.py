"""Attempts to escape from the app's place in a sandbox, and what an honest app needs there."""
