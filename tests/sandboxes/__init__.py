"""Tests: sandboxes."""
