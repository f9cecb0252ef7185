"""Users' templates, rendered in a process of its own with limits of time and memory and without keys."""
