"""ChaosLab's library: experiments as code, run for real, judged honestly. Imports nothing, so the agent can ship it."""
