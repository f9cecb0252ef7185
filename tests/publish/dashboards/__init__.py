"""Dashboards as JSON: rendered, judged, and safe with hostile words."""
