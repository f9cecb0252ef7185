"""The history of runs: an index that can be rebuilt from their folders, in SQLite or in Postgres."""
