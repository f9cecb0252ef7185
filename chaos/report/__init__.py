"""Report of a run for people: charts and one self-contained page."""
