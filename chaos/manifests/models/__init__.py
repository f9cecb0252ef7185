"""Models: what an author may write, one file a part."""
