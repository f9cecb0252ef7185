"""What a git repository asks for: read it at a commit without running anything of it, and decide what follows."""
