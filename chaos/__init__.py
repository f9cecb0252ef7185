"""ChaosLab's library: experiments as code, run for real, judged honestly. Imports nothing: the agent ships it too."""

__version__ = "0.1.0"
