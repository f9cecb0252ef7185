"""Logged in with a token, for browsers: a cookie that no script reads and no other site sends."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from flows.console import answers
from flows.console.asked import Login
from flows.console.desk import DeskOf
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.sessions import COOKIE, LASTS_S, digest_of

router = APIRouter(tags=["house"])
Viewer = Annotated[Person, Depends(needs("read"))]
RIGHTS = ("read", "operate", "halt", "upload")


def me(person: Person) -> answers.Me:
    """Who asks, and what that one may do."""
    return answers.Me(
        name=person.name, role=person.role, rights=[each for each in RIGHTS if person.may(each)]
    )


@router.get("/session", operation_id="who_am_i")
async def who_am_i(person: Viewer) -> answers.Me:
    """Who asks, and what that one may do."""
    return me(person)


@router.post("/session", operation_id="log_in")
async def log_in(body: Login, desk: DeskOf, response: Response) -> answers.Me:
    """Log in with a token; for everybody who has one. The cookie lasts 12 hours, and no longer than the token."""
    sha256 = digest_of(body.token)
    person = await asyncio.to_thread(desk.doorkeeper.holder, sha256)
    if person is None:
        raise Refused("unauthenticated", "this token does not open", headers={"www-authenticate": "Bearer"})
    made = desk.doorkeeper.sessions.begin(sha256)
    response.set_cookie(COOKIE, made, max_age=LASTS_S, path="/", httponly=True, samesite="strict")
    return me(person)


@router.delete("/session", operation_id="log_out", status_code=204)
async def log_out(request: Request, desk: DeskOf) -> Response:
    """End the session of the cookie."""
    desk.doorkeeper.sessions.end(request.headers.get("cookie", ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response
