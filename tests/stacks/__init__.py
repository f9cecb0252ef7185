"""Real servers from Debian, their own clients beside them."""
