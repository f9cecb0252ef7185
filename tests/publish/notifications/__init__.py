"""Notices, to real HTTP servers that answer well, badly, slowly and not at all."""
