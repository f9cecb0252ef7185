"""Delivery into Grafana: the real mcp-grafana binary over both transports, a real Prometheus, a double of Grafana."""
