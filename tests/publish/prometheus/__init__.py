"""Tests of chaos.publish.prometheus."""
