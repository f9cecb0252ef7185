"""What an author may write, and what is said of what they may not."""
