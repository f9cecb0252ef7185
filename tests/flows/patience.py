"""A client of Prefect's API for tests: what a busy server on SQLite refuses is asked again, as Prefect's own does."""

import time

import httpx

from flows.server.local import local_keys, secret_for

_TIMES = 20


class Patient(httpx.HTTPTransport):
    """Repeats what was answered by 503, or not at all: its database was locked. All our requests may be repeated."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx.BaseTransport."""
        for _ in range(_TIMES):
            try:
                response = super().handle_request(request)
            except (httpx.ReadError, httpx.RemoteProtocolError):
                time.sleep(0.1)
                continue
            if response.status_code != 503:
                return response
            response.close()
            time.sleep(0.1)
        return super().handle_request(request)


def client(url: str) -> httpx.Client:
    """One that asks that API, as our own commands do."""
    return httpx.Client(base_url=url, timeout=30, transport=Patient(), headers=proof(url))


def proof(url: str) -> dict[str, str]:
    """The header that opens our server, for clients that are not Prefect's."""
    keys = local_keys()
    assert keys is not None
    assert keys.secret == secret_for(url)
    return {"Authorization": keys.basic()}
