"""Validation: everything that is wrong in a document, at once and in an author's words."""
