"""A run while it goes on: its journal as frames of charts and as marks, the same again from any journal."""
