"""Tests of chaos.metrics."""
