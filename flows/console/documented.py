"""The OpenAPI as it is true: problems have their own media type, and what is not valid is a 400."""

from typing import Any

from fastapi import FastAPI

from flows.console.problems import MEDIA_TYPE

_THEIRS = ("HTTPValidationError", "ValidationError")


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """What the routes say, mended."""
    made = FastAPI.openapi(app)
    for verbs in made["paths"].values():
        for about in verbs.values():
            _mend(about["responses"])
    for name in _THEIRS:
        made["components"]["schemas"].pop(name, None)
    return made


def _mend(responses: dict[str, Any]) -> None:
    theirs = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if str(theirs.get("$ref", "")).endswith(_THEIRS[0]):
        del responses["422"]
    content = responses["default"]["content"]
    for kind in [each for each in content if each != MEDIA_TYPE]:
        content[MEDIA_TYPE] = content.pop(kind)
