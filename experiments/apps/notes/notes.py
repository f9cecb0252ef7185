"""A notebook: every note is a file. `--fragile` takes disks for granted. Standard library only."""

import itertools
import json
import logging
import mmap
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

log = logging.getLogger("notes")

FOLDER = Path(os.environ.get("NOTES", "/tmp/notes"))
LIBRARY = Path(os.environ.get("LIBRARY", "/usr/lib"))
WAITING_AT_MOST = 10_000
PAGE = 64 * 1024
PAGES = 16
RETRY_S = 0.1
RENEW_S = 0.5
"""How old an edition of a page may get while the disk is as quick as ever."""
ENOUGH_FILES = 5000


class Notebook:
    """Notes that cannot be written wait in memory, and are written when the disk takes them again."""

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count(1)
        self._waiting: deque[int] = deque(maxlen=WAITING_AT_MOST)
        threading.Thread(target=self._catch_up, daemon=True).start()
        self._turn = threading.Lock()

    def add(self) -> int:
        """The number of the new note. Never fails."""
        number = next(self._numbers)
        try:
            write(number)
        except OSError as error:
            with self._turn:
                if not self._waiting:
                    log.error("cannot write to %s (%s): keeping notes in memory", FOLDER, error.strerror)
                self._waiting.append(number)
        return number

    @property
    def waiting(self) -> int:
        """How many notes are not on the disk yet."""
        return len(self._waiting)

    def _catch_up(self) -> None:
        pause = threading.Event()
        while not pause.wait(RETRY_S):
            while self._waiting:
                try:
                    write(self._waiting[0])
                except OSError:
                    break
                with self._turn:
                    self._waiting.popleft()
                    if not self._waiting:
                        log.warning("%s can be written again: all notes caught up", FOLDER)


class FragileNotebook:
    """A note is written or the request fails."""

    waiting = 0

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count(1)

    def add(self) -> int:
        """The number of the new note, or whatever went wrong."""
        number = next(self._numbers)
        write(number)
        return number


def write(number: int) -> None:
    """Its own file, on the disk when this returns."""
    descriptor = os.open(FOLDER / f"{number}.txt", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, f"note {number}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Book:
    """Pages of the largest file of the library, past the page cache: as of a book that is larger than memory.

    With `keep` an edition of each page is in memory, renewed from the disk beside the requests: when that is slow the
    editions get older, and nobody waits.
    """

    def __init__(self, *, keep: bool) -> None:
        self._kept: dict[int, mmap.mmap] = {}
        largest = max(files(LIBRARY), key=lambda path: path.stat().st_size)
        self._file = os.open(largest, os.O_RDONLY | os.O_DIRECT)
        if keep:
            self._kept = {number: self._read(number) for number in range(PAGES)}
            threading.Thread(target=self._renew, daemon=True).start()

    def page(self, number: int) -> mmap.mmap:
        """One page."""
        return self._kept[number] if self._kept else self._read(number)

    def _read(self, number: int) -> mmap.mmap:
        text = mmap.mmap(-1, PAGE)
        os.preadv(self._file, [text], number * PAGE)
        return text

    def _renew(self) -> None:
        pause, failing = threading.Event(), False
        for number in itertools.cycle(range(PAGES)):
            pause.wait(RENEW_S / PAGES)
            try:
                self._kept[number] = self._read(number)
            except OSError as error:
                if not failing:
                    log.error("cannot read the library (%s): pages stay as they are", error.strerror)
                failing = True
            else:
                failing = False


def files(folder: Path) -> Iterator[Path]:
    """The first few thousand regular files below `folder`."""
    everything = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return itertools.islice(
        (path for path in everything if path.is_file() and not path.is_symlink()), ENOUGH_FILES
    )


class Notes(BaseHTTPRequestHandler):
    """`/add`, `/page` and `/health`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    notebook: Notebook | FragileNotebook
    book: Book
    turns = itertools.count()

    def do_GET(self) -> None:
        try:
            if self.path == "/add":
                self.answer(200, {"note": self.notebook.add()})
            elif self.path == "/page":
                number = next(self.turns) % PAGES
                self.answer(200, {"page": number, "bytes": len(self.book.page(number))})
            elif self.path == "/health":
                self.answer(200, {"waiting": self.notebook.waiting})
            else:
                self.answer(404, {})
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            log.error("%s failed: %s", self.path, error)
            self.answer(500, {"error": str(error)})

    def answer(self, status: int, body: dict[str, object]) -> None:
        """A JSON object."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up."""

    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    fragile = "--fragile" in sys.argv[1:]
    Notes.notebook = FragileNotebook() if fragile else Notebook()
    Notes.book = Book(keep=not fragile)
    Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Notes).serve_forever()
