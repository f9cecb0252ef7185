"""Verbs of the command line, one a file; what they need is imported when they are called."""
