"""Tests of chaos.measure."""
