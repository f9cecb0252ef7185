"""Sandboxes in namespaces of this machine."""
