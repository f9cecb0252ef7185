"""Keyrings of the kernel: keys of the host's user, and keys that outlive the sandbox."""

import ctypes
from pathlib import Path

from . import calls
from .core import Refused, attempt
from .places import canary

_THREAD, _PROCESS, _SESSION, _USER, _USER_SESSION = -1, -2, -3, -4, -5
_GET_KEYRING_ID, _JOIN_SESSION, _DESCRIBE, _LINK, _SEARCH, _READ, _GET_PERSISTENT = 0, 1, 6, 8, 10, 11, 22


@attempt("keyring")
def reads_the_hosts_key() -> str:
    """The canary in the keyrings of whoever started the run; a session keyring is inherited."""
    for ring in (_SESSION, _USER, _USER_SESSION):
        try:
            key = calls.call("keyctl", _SEARCH, ring, b"user", canary()["key"].encode(), 0)
        except OSError as error:
            refused = error
            continue
        return f"key {key} found in keyring {ring}"
    raise refused


@attempt("keyring")
def reads_the_hosts_key_by_its_number() -> str:
    """Numbers of keys are the same in every namespace."""
    key = int(canary()["key_id"])
    held = bytearray(64)
    buffer = (ctypes.c_char * 64).from_buffer(held)
    size = calls.call("keyctl", _READ, key, buffer, 64)
    return f"key {key}: {bytes(held[:size])!r}"


@attempt("keyring")
def lists_the_hosts_keys() -> str:
    """/proc/keys shows what one may view."""
    lines = [line for line in Path("/proc/keys").read_text().splitlines() if canary()["key"] in line]
    if not lines:
        raise Refused("the canary is not among those that it may view")
    return f"{lines}"


@attempt("keyring")
def adds_a_key_to_its_session() -> str:
    """add_key(2): memory of the kernel that nobody counts as the app's."""
    return f"key {calls.call('add_key', b'user', b'escaped', b'x', 1, _SESSION)}"


@attempt("keyring")
def adds_a_key_to_its_user() -> str:
    """The keyring of the user is shared by all that have the same id outside."""
    return f"key {calls.call('add_key', b'user', b'escaped', b'x', 1, _USER)}"


@attempt("keyring")
def joins_a_session_of_keys() -> str:
    """By name: one of another session."""
    return f"keyring {calls.call('keyctl', _JOIN_SESSION, b'_ses')}"


@attempt("keyring")
def asks_for_its_keyring() -> str:
    """The session keyring of whoever started the run is not its."""
    return f"keyring {calls.call('keyctl', _GET_KEYRING_ID, _SESSION, 0)}"


@attempt("keyring")
def gets_a_persistent_keyring() -> str:
    """It outlives every process of its user."""
    return f"keyring {calls.call('keyctl', _GET_PERSISTENT, -1, _SESSION)}"


@attempt("keyring")
def requests_a_key() -> str:
    """request_key(2) has the host's kernel run /sbin/request-key, as root."""
    key = calls.call("request_key", b"user", canary()["key"].encode(), None, _SESSION)
    return f"key {key}"
