"""Tests of chaos.analysis."""
