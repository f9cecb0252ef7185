"""Tests of the network parts."""
