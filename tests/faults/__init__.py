"""Tests of the faults: each hurts real processes, in namespaces made for the test."""
