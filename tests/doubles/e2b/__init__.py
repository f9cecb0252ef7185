"""E2B on this machine: its REST interface and its envd, whose commands run in our local sandboxes."""
