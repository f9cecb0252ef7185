"""Journals of small made-up runs, and the program that writes them."""
