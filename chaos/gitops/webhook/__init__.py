"""Triggers of a sync at a push: a git hook, and the webhook of a forge."""
