"""What a chat completion says, whatever it looks like: each part is taken only when it is what it should be."""

import re
from dataclasses import dataclass

_MODEL = re.compile(r"[\w./:-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; nothing of it is trusted."""

    content: str
    finish_reason: str
    refused: bool
    model: str


def reply(found: object, model: str) -> Reply | None:
    """The first choice; None of what is no chat completion."""
    choices = found.get("choices") if isinstance(found, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        return None
    content = message.get("content")
    return Reply(
        content=_whole_signs(content) if isinstance(content, str) else "",
        finish_reason=str(first.get("finish_reason", ""))[:40],
        refused=bool(message.get("refusal")),
        model=model,
    )


def _whole_signs(text: str) -> str:
    """The text without halves of signs (lone surrogates), which nothing can be written with."""
    return text.encode(errors="replace").decode()


def usage(found: object) -> tuple[int, int]:
    """The tokens of the prompt and of the answer, as far as they are told."""
    said = found.get("usage") if isinstance(found, dict) else None
    there, back = (
        said.get(f"{kind}_tokens") if isinstance(said, dict) else 0 for kind in ("prompt", "completion")
    )
    return _whole(there), _whole(back)


def listed(found: object) -> list[str]:
    """The ids of a list of models."""
    data = found.get("data") if isinstance(found, dict) else None
    ids = [each.get("id") for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    return sorted({id for id in ids if isinstance(id, str) and _MODEL.fullmatch(id)})


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
