"""Game days: ordered experiments with one purpose, decided step by step, kept in a journal, told in one report."""
