"""Message authentication of the agent's journal: a keyed BLAKE2b of every line, chained over the line before.

RFC 7693, 16 bytes of digest. A line of somebody without the key, a line left out, sent twice or moved: each breaks the
chain there and for good. Standard library only: the agent signs, the host verifies.
"""

try:
    from _blake2 import blake2b  # hashlib would load all of OpenSSL first, and each sandbox waits for that
except ImportError:  # a Python that was built without its own
    from hashlib import blake2b

KEY_BYTES = 32
MARK_BYTES = 33
"""What a signed line is longer by: a blank and 32 hexadecimal digits, before its newline."""
_DIGEST_BYTES = 16


class SignatureChain:
    """The marks of one journal, in the order of its lines. `line` is always without its newline."""

    def __init__(self, key: bytes) -> None:
        # A keyed state is copied for each line: half the cost of keying it anew.
        self._keyed = blake2b(key=key, digest_size=_DIGEST_BYTES)
        self._last = b""

    def sign(self, line: bytes) -> bytes:
        """The line and its mark."""
        return line + b" " + self.mark(line)

    def mark(self, line: bytes) -> bytes:
        """The mark of the next line: 32 hexadecimal digits."""
        state = self._keyed.copy()
        state.update(self._last)
        state.update(line)
        self._last = state.digest()
        return self._last.hex().encode()

    def verified(self, signed: bytes) -> bytes | None:
        """The line without its mark; None when that is not the mark of the next one."""
        from hmac import compare_digest  # only whoever verifies pays for the import

        line, mark = signed[:-MARK_BYTES], signed[-MARK_BYTES:]
        return line if compare_digest(mark, b" " + self.mark(line)) else None
