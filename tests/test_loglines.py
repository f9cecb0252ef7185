"""How grave a line is, in the forms that the usual programs write."""

import time

import pytest

from chaos.loglines import Severity, Trace, severity

FATAL, ERROR, WARNING, NONE = Severity.FATAL, Severity.ERROR, Severity.WARNING, Severity.NONE
LINES = [
    ('{"level":"ERROR","msg":"payment failed"}', ERROR),
    ('{"level":"INFO","msg":"0 failed, error rate fine"}', NONE),
    ('{"ts": 1, "severity": "CRITICAL", "message": "x"}', FATAL),
    ('{"level":50,"time":1,"msg":"x"}', ERROR),
    ('{"level":60,"time":1,"msg":"x"}', FATAL),
    ('{"level":40,"time":1,"msg":"x"}', WARNING),
    ('{"level":30,"time":1,"msg":"retry failed"}', NONE),
    ('{"PRIORITY":"3","MESSAGE":"x"}', ERROR),
    ('{"log.level":"warn","message":"x"}', WARNING),
    ('{"t":{"$date":"2024-01-01T00:00:00.000+00:00"},"s":"E","c":"NETWORK","msg":"x"}', ERROR),
    ("<3>disk is gone", ERROR),
    ("<0>kernel panic", FATAL),
    ("<6>failed over to b", NONE),
    ("ERROR:root:boom", ERROR),
    ("2024-01-01 12:00:00,123 - shop.pay - ERROR - boom", ERROR),
    ("2024-01-01 12:00:00.1  WARN 1 --- [main] o.s.Boot : slow", WARNING),
    ("2024-01-01 12:00:00.1  INFO 1 --- [main] o.s.Boot : no failure seen", NONE),
    ("2024/01/01 12:00:00 [error] 7#7: *1 connect() to 127.0.0.1:1 said 111", ERROR),
    ("2024/01/01 12:00:00 [emerg] 7#7: bind() to 0.0.0.0:80", FATAL),
    ("[Mon Jan 01 12:00:00 2024] [core:error] [pid 7] x", ERROR),
    ("2024-01-01 12:00:00.000 UTC [7] ERROR:  relation x is not there", ERROR),
    ("2024-01-01 12:00:00.000 UTC [7] FATAL:  lock file exists", FATAL),
    ("2024-01-01 12:00:00.000 UTC [7] LOG:  checkpoint failed to be late", NONE),
    ("1:M 01 Jan 2024 12:00:00.000 # Can't save in background", WARNING),
    ("[ALERT]    (7) : cannot bind socket", FATAL),
    ("E0102 12:00:00.000001       1 main.go:7] x", ERROR),
    ("I0102 12:00:00.000001       1 main.go:7] retry failed", NONE),
    ("E, [2024-01-01T12:00:00 #7] ERROR -- : x", ERROR),
    ("fail: Shop.Pay[0]", ERROR),
    ("info: Shop.Pay[0]", NONE),
    ("time=2024 level=error msg=x", ERROR),
    ("\x1b[31mERROR\x1b[0m x", ERROR),
    ('INFO:     127.0.0.1:5 - "GET / HTTP/1.1" 500 Internal Server Error', ERROR),
    ('127.0.0.1 - - "GET /error HTTP/1.1" 200 2', ERROR),  # no level is stated: in doubt it is kept
    ("npm ERR! code ELIFECYCLE", ERROR),
    ("panic: runtime error: index out of range", FATAL),
    ("java.lang.IllegalStateException: boom", FATAL),
    ("served 7 requests, 0 errors", NONE),
    ("done errors=0 failed=0", NONE),
    ("DeprecationWarning: use x", WARNING),
    ("GET /checkout 21 200", NONE),
    ("every order, else nothing", NONE),
    ("listen EADDRINUSE: address already in use :::80", ERROR),
]


@pytest.mark.parametrize(("line", "grave"), LINES, ids=[line[:30] for line, _ in LINES])
def test_the_severity_of_a_line(line: str, grave: Severity) -> None:
    assert severity(line) is grave


def test_a_very_long_word_is_read_in_no_time() -> None:
    began = time.thread_time()
    assert severity("x" * 2**20) is NONE
    assert time.thread_time() - began < 0.05


PYTHON = """\
Traceback (most recent call last):
  File "app.py", line 1, in <module>
    connect()
subprocess.TimeoutExpired: too long
serving"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: boom
\tat shop.Main.main(Main.java:7)
Caused by: java.net.ConnectException: nobody there
\t... 12 more
serving"""
GO = """\
panic: no such table

goroutine 1 [running]:
main.main()
\t/app/main.go:12 +0x1d
exit status 2
serving"""
NODE = """\
/app/server.js:3
    throw new Error('no config');
    ^
Error: no config
    at Object.<anonymous> (/app/server.js:3:9)
serving"""


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (PYTHON, ["subprocess.TimeoutExpired: too long"]),
        (
            JAVA,
            [
                'Exception in thread "main" java.lang.IllegalStateException: boom',
                "Caused by: java.net.ConnectException: nobody there",
            ],
        ),
        (GO, ["panic: no such table"]),
        (NODE, ["Error: no config"]),
    ],
)
def test_the_frames_of_a_trace_are_as_grave_and_are_no_cause(text: str, causes: list[str]) -> None:
    trace = Trace()
    read = [(line, *trace.severity(line)) for line in text.splitlines()]
    assert [line for line, grave, frame in read if grave is FATAL and not frame] == causes
    assert read[-1] == ("serving", NONE, False)
    begun = next(index for index, (_, grave, _) in enumerate(read) if grave >= ERROR)
    if text is not NODE:
        assert all(grave >= ERROR for _, grave, _ in read[begun:-1])
