"""Detectors of secrets in texts, form by form; each gives a text back without what it found."""
