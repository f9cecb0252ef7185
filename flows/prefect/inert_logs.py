"""Inert logs of flow and task runs: what they quote of apps, manifests and repositories cannot act."""

import logging

from chaos.text.inert import inert

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
"""What `get_run_logger` writes to, and Prefect itself: states, errors and their tracebacks."""
_FORMATTER = logging.Formatter()


def make_inert() -> None:
    """From now on, in this process; again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_inert)


def _inert(record: logging.LogRecord) -> bool:
    """Every handler formats the record anew, so the words themselves are changed. A record is never dropped."""
    record.msg, record.args = inert(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        record.exc_text = _FORMATTER.formatException(record.exc_info)
    if record.exc_text:
        record.exc_text = inert(record.exc_text)
    return True
