"""Carry out one plan: provision, inject, collect, tear down; clean up after what died."""
