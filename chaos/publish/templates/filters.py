"""Template filters beside Jinja's own."""


def quoted(text: object) -> str:
    """`text` as a PromQL string, quotes included.

    `$` and `[[` would be variables to Grafana, which fills them in before Prometheus reads the query.
    """
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + escaped.replace("$", "\\x24").replace("[[", "[\\x5b") + '"'
