"""Levels of lines as programs really write them."""

import pytest

from chaos.text.loglines import ERROR, MORE, OTHER, WARNING, Reader, essence, level

ERRORS = [
    '{"level":"ERROR","msg":"payment failed","exc":"Traceback (most recent call last)"}',
    '{"time":1733000000,"level":50,"pid":7,"msg":"connect ECONNREFUSED"}',
    '{"severity": "CRITICAL", "message": "x"}',
    '{"ts":"2026-01-01","log.level":"error","message":"x"}',
    '{"levelname": "ERROR", "levelno": 40, "msg": "x"}',
    '{"levelno":40,"msg":"x"}',
    '{"version":"1.1","short_message":"x","level":3}',
    'time="2026-01-01T00:00:00Z" level=error msg="no route"',
    "t=2026-01-01 lvl=eror msg=x",
    "2026/01/01 10:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream",
    "2026/01/01 10:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)",
    "[Mon Jan 01 10:00:00.0 2026] [core:error] [pid 7] AH00037: x",
    "[ALERT]    (7) : Starting frontend GLOBAL: cannot bind socket",
    '2026-01-01 10:00:00.000 UTC [77] ERROR:  relation "item" does not exist at character 15',
    '2026-01-01 10:00:00.000 UTC [77] FATAL:  lock file "postmaster.pid" already exists',
    'PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device',
    "ERROR:root:boom",
    "2026-01-01 10:00:00,000 - app - ERROR - boom",
    "[2026-01-01 10:00:00 +0000] [7] [ERROR] Worker failed to boot.",
    "2026-01-01 10:00:00.000 ERROR 1 --- [main] o.s.b.SpringApplication : Application run failed",
    "Jan 01, 2026 10:00:00 AM org.x.Y z\nSEVERE: x".splitlines()[1],
    "E0102 15:04:05.000000       1 reflector.go:1] failed to list",
    "E, [2026-01-01T10:00:00.0 #7] ERROR -- : boom",
    "fail: Microsoft.AspNetCore.Server.Kestrel[13]",
    "<3>disk gone",
    "<0>the end",
    "Traceback (most recent call last):",
    "panic: runtime error: index out of range [5] with length 3",
    "fatal error: all goroutines are asleep - deadlock!",
    'Exception in thread "main" java.lang.NullPointerException',
    "java.net.ConnectException: Connection refused",
    "Error: connect ECONNREFUSED 127.0.0.1:5432",
    "thread 'main' panicked at src/main.rs:2:5:",
    "/app/x.rb:3:in `f': boom (RuntimeError)",
    "PHP Fatal error:  Uncaught Exception: x in /a.php:3",
    '127.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET /item HTTP/1.1" 502 150 "-" "x"',
    "cannot reach the database: connection refused",
    'npm ERR! Missing script: "start"',
    "ERROR 1045 (28000): Access denied for user",
]
NO_ERRORS = [
    '{"level":"INFO","msg":"error page served","i":7}',
    '{"level":30,"msg":"request completed","err":null}',
    "INFO: 0 errors found",
    "checked 10 rows, no errors",
    'level=info msg="retry failed once"',
    "2026-01-01 10:00:00.000 UTC [77] LOG:  connection authorized; error count 0",
    '127.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET /errors/refused HTTP/1.1" 200 503 "-" "x"',
    "2026/01/01 10:00:00 [notice] 1#1: signal process started",
    "listening on :5003",
    "<6>all failed over as planned",
    "errors=0 failed=0 served=12",
    "GET /ERROR/page took 12 ms",
    "",
]
WARNINGS = [
    "WARN retrying after connection refused",
    '{"level":"warning","msg":"error rate is high"}',
    '{"level":40,"msg":"slow"}',
    "W0102 15:04:05.0 1 x.go:1] failed",
    "<4>failed once",
    "2026/01/01 10:00:00 [warn] 1#1: error",
]

PYTHON = """Traceback (most recent call last):
  File "/app/app.py", line 3, in <module>
    import flask_cors
ModuleNotFoundError: No module named 'flask_cors'"""
CHAINED = """ERROR:root:could not save
Traceback (most recent call last):
  File "a.py", line 2, in f
    int("x")
ValueError: invalid literal for int()

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 4, in <module>
    raise KeyError("y")
KeyError: 'y'"""
JAVA = """Exception in thread "main" java.lang.IllegalStateException: cannot start
\tat app.Main.main(Main.java:7)
Caused by: java.net.BindException: Address already in use
\tat java.base/sun.nio.ch.Net.bind0(Native Method)
\t... 7 more"""
SPRING = """2026-01-01 10:00:00.000 ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed
java.lang.IllegalStateException: x
\tat a.b.C.d(C.java:1)"""
GO = """panic: dial tcp 127.0.0.1:5432: connect: connection refused

goroutine 1 [running]:
main.main()
\t/app/main.go:12 +0x1d
exit status 2"""
NODE = """node:internal/modules/cjs/loader:1080
  throw err;
  ^

Error: Cannot find module 'express'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1077:15) {
  code: 'MODULE_NOT_FOUND'
}

Node.js v18.19.0"""
POSTGRES = """2026-01-01 10:00:00 UTC [7] FATAL:  could not open file "global/pg_control": Permission denied
2026-01-01 10:00:00 UTC [7] HINT:  look at its owner"""


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_is_one(line: str) -> None:
    assert level(line) == ERROR


@pytest.mark.parametrize("line", NO_ERRORS)
def test_what_only_speaks_of_errors_is_none(line: str) -> None:
    assert level(line) == OTHER


@pytest.mark.parametrize("line", WARNINGS)
def test_a_warning_is_no_error(line: str) -> None:
    assert level(line) == WARNING


@pytest.mark.parametrize("trace", [PYTHON, CHAINED, JAVA, SPRING, GO, NODE, POSTGRES])
def test_a_stack_trace_is_one_error_with_all_of_its_lines(trace: str) -> None:
    reader = Reader()
    levels = [reader.level(line) for line in trace.splitlines()]
    assert levels == [ERROR] + [MORE] * (len(levels) - 1)
    assert reader.level("INFO: next request served") == OTHER
    again = [reader.level(line) for line in (trace + "\n" + trace).splitlines()]
    assert again.count(ERROR) == 2


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (PYTHON, "ModuleNotFoundError: No module named 'flask_cors'"),
        (CHAINED, "KeyError: 'y'"),
        (
            JAVA,
            'Exception in thread "main" java.lang.IllegalStateException: cannot start … Caused by: '
            "java.net.BindException: Address already in use",
        ),
        (GO, "panic: dial tcp 127.0.0.1:5432: connect: connection refused"),
        (NODE, "Error: Cannot find module 'express'"),
        (POSTGRES, POSTGRES.splitlines()[0]),
    ],
)
def test_an_error_is_told_by_what_was_raised(trace: str, said: str) -> None:
    assert essence(trace.splitlines()) == said


def test_errors_in_a_row_are_as_many() -> None:
    reader = Reader()
    assert [reader.level(f"Error: connect ECONNREFUSED {n}") for n in range(3)] == [ERROR] * 3
    assert [reader.level('{"level":"ERROR","msg":"x"}') for _ in range(3)] == [ERROR] * 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"PRIORITY":"3","MESSAGE":"x"}', ERROR),
        ('{"PRIORITY":"6","MESSAGE":"failed over"}', OTHER),
        ('{"t":{"$date":"2024-01-01T00:00:00.000+00:00"},"s":"E","c":"NETWORK","msg":"x"}', ERROR),
        ('{"t":{"$date":"2024-01-01T00:00:00.000+00:00"},"s":"I","c":"NETWORK","msg":"no error"}', OTHER),
        ("1:M 01 Jan 2024 12:00:00.000 # Can't save in background", WARNING),
        ("1:M 01 Jan 2024 12:00:00.000 * Ready to accept connections", OTHER),
        ('INFO:     127.0.0.1:5 - "GET / HTTP/1.1" 500 Internal Server Error', ERROR),
        ('INFO:     127.0.0.1:5 - "GET / HTTP/1.1" 200 OK', OTHER),
    ],
)
def test_levels_of_journald_mongodb_redis_and_access_logs_that_say_info(line: str, said: str) -> None:
    assert level(line) == said
