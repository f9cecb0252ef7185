"""Runs of this machine brought to a console or a bucket elsewhere: while they last, and what is left afterwards."""
