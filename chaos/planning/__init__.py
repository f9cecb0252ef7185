"""From a manifest to a plan, or every reason why not."""
