"""What an author may write: models of every kind, loaded with line and column of every key."""
