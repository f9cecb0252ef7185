"""Tests of gitops: real git repositories, no server."""
