"""What a run looks like to a person: charts and one self-contained page."""
