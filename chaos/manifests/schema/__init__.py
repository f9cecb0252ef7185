"""Pages and schemas made from the models."""
