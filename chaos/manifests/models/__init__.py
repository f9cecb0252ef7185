"""Models of manifests: what an author may write, one file a part."""
