"""Tests of run_spec."""
