"""How many tokens a text is at most, estimated without the model's tokenizer, on the safe side.

A word costs a token for every four letters begun, three digits one, each other sign one, and what is not ASCII one a
byte, which no byte-pair encoding exceeds. English prose comes out a fifth above the real count; a text that beats the
estimate (long unbroken names in an unusual alphabet of ASCII) is found when the answer says what it really cost.
"""

import re
from math import ceil

_PIECES = re.compile(r"[A-Za-z]+|[0-9]+|\n+|[ \t]+|[\x21-\x7e]|[^\x00-\x7f]+|.", re.DOTALL)
PER_MESSAGE = 8
"""What the chat format puts around each message."""


def estimate(text: str) -> int:
    """At most so many tokens."""
    return sum(_cost(piece) for piece in _PIECES.findall(text))


def _cost(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode())
    if piece.isalpha():
        return ceil(len(piece) / 4)
    if piece.isdigit():
        return ceil(len(piece) / 3)
    return 0 if piece == " " else 1  # one space belongs to the word after it
