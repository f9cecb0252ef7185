"""Tests of chaos.explain."""
