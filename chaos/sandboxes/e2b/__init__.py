"""Sandboxes in microVMs of E2B."""
