"""Tests of chaos.analyzers."""
