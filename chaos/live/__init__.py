"""Live view of a run: its journal as frames of charts and as marks, the same again from any journal."""
