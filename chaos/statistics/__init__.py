"""Statistics: tests of shares, latencies, point processes. Standard library only."""
