"""Tests of the whole: what must stay as it is when code moves from one file to another."""
