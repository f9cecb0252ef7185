"""The program inside the sandbox: load, probes, sampler, supervisor and the timeline of one order (stdlib only)."""
