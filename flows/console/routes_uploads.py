"""Runs of workers elsewhere, as they deliver them: a journal by offset while it grows, other files, and the end."""

import asyncio
import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Annotated, ParamSpec, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from chaos.history import deliveries
from chaos.history.deliveries import Note
from chaos.history.errors import BadQuestion, HistoryError, RunNotIndexed, Unknown
from chaos.history.models import RunRow
from chaos.history.received import NAMES, NoSpace, NotYours, WrongOffset
from chaos.history.uploads.machine import fingerprint
from flows.console import answers
from flows.console.arriving import concluded
from flows.console.asked import Delivered, Opened
from flows.console.counting import uploaded
from flows.console.desk import Desk, DeskOf
from flows.console.finding import asked
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.underway import is_readable

router = APIRouter(prefix="/uploads", tags=["uploads"])
Worker = Annotated[Person, Depends(needs("upload"))]
RunName = Annotated[str, Path(max_length=200, description="The id of the run.")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**40)]
P = ParamSpec("P")
T = TypeVar("T")
MOST_PIECE = 4 * 2**20
"""Of a journal, unpacked."""
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


def _takes(kind: str) -> dict[str, object]:
    """In the OpenAPI: a body of bytes."""
    return {
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}}},
        }
    }


@router.put("/runs/{run_id}", operation_id="open_upload")
async def open_upload(run_id: RunName, body: Opened, person: Worker, desk: DeskOf) -> answers.Upload:
    """A run comes, or goes on: how much of it is here. Only what nobody else delivers."""
    here = bool(body.folder) and body.fingerprint == fingerprint() != ""
    if here:
        here = await asyncio.to_thread(is_readable, FilePath(body.folder or ""), run_id)
    note = await _done(desk.received.open, body.note(run_id, await _by(desk, run_id, person), here=here))
    if note.whole_ms is None and not await _is_prefects(desk, note):
        await asked(desk.history.observe, _row(note, str(desk.received.under / run_id)))
    desk.observer.changed()
    return await _standing(desk, note)


@router.get("/runs/{run_id}", operation_id="get_upload")
async def get_upload(run_id: RunName, person: Worker, desk: DeskOf) -> answers.Upload:
    """How much of it is here."""
    note = await asyncio.to_thread(deliveries.note_of, _checked(run_id), desk.received.under)
    if note is None:
        raise Refused("not-found", "no delivery of this run has begun")
    return await _standing(desk, note)


@router.patch(
    "/runs/{run_id}/journal",
    operation_id="append_journal",
    status_code=204,
    openapi_extra=_takes("application/x-ndjson"),
)
async def append_journal(
    run_id: RunName,
    offset: Offset,
    request: Request,
    person: Worker,
    desk: DeskOf,
    packed: Annotated[str, Header(alias="Content-Encoding", max_length=20)] = "identity",
) -> Response:
    """A piece of the journal, plain or gzip, from that byte on. `Upload-Offset` of the answer: where the next one
    begins; with 409, where it really does."""
    data = await request.body()
    if packed == "gzip":
        data = await asyncio.to_thread(_unpacked, data)
    elif packed != "identity":
        raise Refused("unsupported-media-type", "Content-Encoding: gzip, or none")
    by = await _by(desk, run_id, person)
    at = await _done(desk.received.append, _checked(run_id), by, offset, data)
    uploaded(len(data))
    return Response(status_code=204, headers={"upload-offset": str(at)})


@router.put(
    "/runs/{run_id}/artifacts/{name}",
    operation_id="put_artifact",
    status_code=204,
    openapi_extra=_takes("application/octet-stream"),
)
async def put_artifact(
    run_id: RunName,
    name: Annotated[str, Path(max_length=100)],
    request: Request,
    person: Worker,
    desk: DeskOf,
    digest: Annotated[str, Header(alias="Repr-Digest", max_length=100, description="sha-256=:…:")],
) -> Response:
    """One of the other files, whole."""
    if name not in NAMES:
        raise Refused("not-found", f"no file of a run is called so; known: {', '.join(NAMES)}")
    data = await request.body()
    if _sha256(digest) != await asyncio.to_thread(_hash, data):
        raise Refused("bad-request", "Repr-Digest: is not that of the body")
    by = await _by(desk, run_id, person)
    await _done(desk.received.put, _checked(run_id), by, name, data)
    uploaded(len(data))
    return Response(status_code=204)


@router.post("/runs/{run_id}/whole", operation_id="conclude_upload")
async def conclude_upload(run_id: RunName, body: Delivered, person: Worker, desk: DeskOf) -> answers.Upload:
    """That was all: the journal is held against its digest, judged once more, and the run is in the history."""
    by = await _by(desk, run_id, person)
    note = await _done(desk.received.check, _checked(run_id), by, body.journal_bytes, body.journal_sha256)
    if note.whole_ms is None:
        note = await concluded(desk.history, desk.received, note)
        desk.observer.changed()
    return await _standing(desk, note)


async def _is_prefects(desk: Desk, note: Note) -> bool:
    """Whether the console hears of the run from Prefect; when that is away, it may."""
    try:
        return note.flow_run is not None and await desk.conductor.run(note.flow_run) is not None
    except Refused:
        return note.flow_run is not None


async def _by(desk: Desk, run_id: str, person: Person) -> str:
    """In whose name: an operator may go on with what a worker began."""
    if not person.may("operate"):
        return person.name
    note = await asyncio.to_thread(deliveries.note_of, _checked(run_id), desk.received.under)
    return note.by if note else person.name


async def _standing(desk: Desk, note: Note) -> answers.Upload:
    offset = await asyncio.to_thread(desk.received.offset, note.run_id)
    sums = await _done(desk.received.sums, note.run_id)
    whole = note.whole_ms is not None
    return answers.Upload(
        run_id=note.run_id, offset=offset, files=sums, here=note.here, whole=whole, differs=note.differs
    )


async def _done(work: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
    """What the shelf answers, asked in a thread. Raises Refused."""
    try:
        return await asyncio.to_thread(work, *words, **named)
    except WrongOffset as error:
        raise Refused("conflict", str(error), headers={"upload-offset": str(error.offset)}) from error
    except NotYours as error:
        raise Refused("forbidden", str(error)) from error
    except Unknown as error:
        raise Refused("not-found", str(error)) from error
    except (BadQuestion, RunNotIndexed) as error:
        raise Refused("bad-request", str(error)) from error
    except NoSpace as error:
        raise Refused("no-space", str(error), retry_after_s=30) from error
    except HistoryError as error:
        raise Refused("store-away", str(error), retry_after_s=5) from error


def _checked(run_id: str) -> str:
    """What may be the name of a folder. Raises Refused."""
    if not deliveries.is_run_id(run_id):
        raise Refused("not-found", "this is not the id of a run")
    return run_id


def _unpacked(data: bytes) -> bytes:
    """Raises Refused for what is no gzip, or far larger than it looks."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, MOST_PIECE + 1)
    except zlib.error as error:
        raise Refused("bad-request", "the body is no gzip") from error
    if len(found) > MOST_PIECE or unpacking.unconsumed_tail:
        raise Refused("too-large", f"a piece of more than {MOST_PIECE} bytes")
    if not unpacking.eof:
        raise Refused("bad-request", "the body is not the whole of a gzip")
    return found


def _sha256(said: str) -> bytes:
    match = _DIGEST.fullmatch(said.strip())
    try:
        return base64.b64decode(match[1]) if match else b""
    except binascii.Error:
        return b""


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _row(note: Note, folder: str) -> RunRow:
    """A run without Prefect that goes on elsewhere, as lists show it."""
    return RunRow(
        id=note.run_id,
        run_id=note.run_id,
        experiment=note.experiment,
        folder=folder,
        machine=note.machine,
        store="uploaded",
        state="running",
        started_by="terminal",
        created_ms=note.opened_ms,
        started_ms=note.opened_ms,
    )
