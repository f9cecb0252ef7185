"""The console: ChaosLab over HTTP, for people and programs that are not at this machine's terminal.

It starts nothing itself: every run that it starts is a Prefect flow run of a deployment that exists, so that one
history, one switch and any machine's workers hold for it. docs/api.md says what it answers.
"""
