"""A bucket or a shared folder that holds the files of runs: the only file that knows obstore.

`{experiment}/{run id}/{name}`, the journal as `journal.ndjson.gz`; the result is written last, so that its presence
means that all is there. Credentials are those of the provider's own variables (AWS_…, GOOGLE_…, AZURE_…).
"""

import gzip
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from chaos.errors import ChaosLabError
from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.history.rows import DELIVERED, JOURNAL, MOST_BYTES, RESULT, RUN_ID
from chaos.host.private import opener
from chaos.runs.directory import Run
from chaos.settings import Settings
from chaos.text.inert import one_line

if TYPE_CHECKING:
    from obstore.store import ObjectStore

KINDS = ("s3", "gs", "az", "file")
PACKED = f"{JOURNAL}.gz"
MOST_JOURNAL = 2**30
_TIMEOUT = timedelta(seconds=30)
_CONNECT = timedelta(seconds=2)


class BucketError(ChaosLabError):
    """The bucket cannot be used, or has not what was asked for."""


class Bucket:
    """One address. Blocking. Methods raise BucketError."""

    def __init__(self, url: str) -> None:
        self.shown = _shown(url)
        try:
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError as error:
            raise BucketError("CHAOSLAB_ARTIFACTS_URL needs a library: pip install 'chaoslab[s3]'") from error
        self._failures = (BaseError, OSError, ValueError)
        with self._said():
            if self.shown.startswith("file:"):
                self._store: ObjectStore = from_url(url, mkdir=True)
            else:
                self._store = from_url(
                    url,
                    client_options={  # given at all, they count in place of what the environment says of them
                        "timeout": _TIMEOUT,
                        "connect_timeout": _CONNECT,
                        "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
                    },
                    retry_config={"max_retries": 2, "retry_timeout": _TIMEOUT},
                )

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """The one that the environment names."""
        if settings.chaoslab_artifacts_url is None:
            raise BucketError("no bucket is named: set CHAOSLAB_ARTIFACTS_URL")
        return cls(settings.chaoslab_artifacts_url)

    def put(self, run: Run, result: bytes) -> None:
        """All files of a run; the result last."""
        at = _prefix(run.id)
        try:
            journal = files.read(run.folder / JOURNAL, MOST_JOURNAL) or b""
            found = {name: files.read(run.folder / name, MOST_BYTES) for name in DELIVERED}
        except RunNotIndexed as error:
            raise BucketError(str(error)) from error
        with self._said():
            self._store.put(f"{at}/{PACKED}", gzip.compress(journal, 6, mtime=0))
            for name, data in found.items():
                if data is not None:
                    self._store.put(f"{at}/{name}", data)
            self._store.put(f"{at}/{RESULT}", result)

    def has(self, run_id: str) -> bool:
        """Whether all of that run is there."""
        return RESULT in self._sizes(run_id)

    def get(self, run_id: str, into: Path, names: Mapping[str, str]) -> None:
        """Its files into a folder, by those names, the result last; nothing larger than a run's file may be."""
        sizes = self._sizes(run_id)
        if RESULT not in sizes:
            raise BucketError(f"{self.shown} has not all of {run_id}")
        wanted = [*(name for name in DELIVERED if name in sizes), PACKED, RESULT]
        for name in wanted:
            if sizes.get(name, 0) > MOST_BYTES * (4 if name == PACKED else 1):
                raise BucketError(f"{self.shown}: {name} of {run_id} is larger than a run's file may be")
            with self._said():
                data = bytes(self._store.get(f"{_prefix(run_id)}/{name}").bytes())
            if name == PACKED:
                _write(into / JOURNAL, _unpacked(data))
            else:
                _write(into / names.get(name, name), data)

    def runs(self) -> Iterator[str]:
        """The ids of all runs that are there whole."""
        with self._said():
            for some in self._store.list():
                for each in some:
                    *_, run_id, name = ["", "", *each["path"].split("/")]
                    if name == RESULT and RUN_ID.fullmatch(run_id):
                        yield run_id

    def _sizes(self, run_id: str) -> dict[str, int]:
        with self._said():
            found = [each for some in self._store.list(_prefix(run_id)) for each in some]
        return {each["path"].rpartition("/")[2]: each["size"] for each in found}

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            words = one_line(str(error).partition("\n")[0])[:300]
            raise BucketError(f"{self.shown} cannot be used: {words}") from error


def _prefix(run_id: str) -> str:
    """Of the keys of a run."""
    match = RUN_ID.fullmatch(run_id)
    if match is None:
        raise BucketError(f"{one_line(run_id)[:100]}: is not the id of a run")
    return f"{match[2]}/{run_id}"


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, MOST_JOURNAL)
    except zlib.error as error:
        raise BucketError(f"{PACKED}: is no gzip") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise BucketError(f"{PACKED}: is not whole, or larger than a journal may be")
    return found


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb", opener=opener) as file:
            file.write(data)
        part.replace(path)
    except OSError as error:
        raise BucketError(f"{path}: cannot be written: {error.strerror}") from error


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in KINDS and bool(parts.path if parts.scheme == "file" else parts.hostname)
        usable = usable and not parts.password and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise BucketError(
            f"CHAOSLAB_ARTIFACTS_URL is no address: {', '.join(f'{each}://…' for each in KINDS)}"
        )
    return url.rstrip("/")
