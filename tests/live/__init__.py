"""Tests of the live projection."""
