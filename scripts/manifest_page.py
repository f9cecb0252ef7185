"""docs/manifest.md: the reference of every field of a manifest, made from its JSON schema.

`python scripts/manifest_page.py > docs/manifest.md`
"""

import sys
from collections.abc import Iterator
from typing import Any

from chaos.faults import FAULTS
from chaos.manifests.schema import Schema, schema

_INTRODUCTION = """# What a manifest may say

Generated from the models by `python scripts/manifest_page.py`; do not edit.

A file holds one manifest a document (`---` between them). Text is UTF-8, at most 256 KiB, nested at most 32 deep.
Plain words mean what YAML 1.2 says: `on`, `no`, `12:30:00` and `1_000` are text. Anchors, aliases, merge keys, tags and
duplicate keys are refused, and so are unknown keys. Names are unique among the files that are loaded together.

Quantities carry their unit: durations `300ms` `10s` `5m` `1h`, sizes `512MiB`, shares `80%`, rates `50/s`, offsets in
time `+1h` `-5m`.

`app` is a directory inside the repository: the nearest directory above the manifest with a `.git`; outside of git the
outermost one called `experiments`, else the manifest's own directory. Links are resolved first.
Nothing of git's own is an app, and files that look like secrets and that git does not track stay where they are
([which](settings.md#what-an-app-takes-along)).

What must agree: names of processes, steady states and steps, and ports of processes, are unique; `process` names one of
`target.processes`; metrics of latency, errors and throughput need `load`; `recoverWithin` needs `holds: afterwards` and
fits in the recovery phase; no `hold` is longer than `blastRadius.maxHold`; a fault that is reached gradually gets there
within its `hold`, and each is held long enough to be measured; a steady state is looked at twice or more in the
baseline; the window of a metric fits in the baseline and, of a metric of the load, has 10 requests or more;
`sandbox.ttl` covers all phases and 30s more.

In a game day: names of stages are unique, and an experiment is there once; `name` and `followUp` name experiments of
the same repository, found below the outermost directory called `experiments`, else anywhere in it; no chain of
follow-ups comes back to where it was; what is looked at from outside is looked at once a second or more, with a
`timeout` of `1s` at most; a `cron` fires at some time within the windows and outside of the blackouts.
"""


def reference() -> str:
    """The whole page."""
    made = schema()
    parts: Schema = made["$defs"]
    sections = [_section(name, parts[name], parts) for name in _in_order(parts)]
    return "\n".join([_INTRODUCTION, *sections]).rstrip() + "\n"


def _in_order(parts: Schema) -> Iterator[str]:
    """Every part, each soon after the one that mentions it first."""
    waiting, seen = ["Experiment", "GameDay"], set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        yield name
        waiting = [*dict.fromkeys(_mentioned(parts[name])), *waiting]


def _mentioned(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[-1]
        for value in node.values():
            yield from _mentioned(value)
    elif isinstance(node, list):
        for value in node:
            yield from _mentioned(value)


def _section(name: str, part: Schema, parts: Schema) -> str:
    kind = part.get("properties", {}).get("type", {}).get("const")
    title = f"{name} (`type: {kind}`)" if kind else name
    lines = [f"## {title}", "", part.get("description", ""), ""]
    lines += ["| field | value | default | meaning |", "|---|---|---|---|"]
    required = part.get("required", [])
    for field, about in part.get("properties", {}).items():
        default = "required" if field in required else _default(about)
        meaning = " ".join(_meaning(about, parts).split())
        lines.append(f"| `{field}` | {_value(about)} | {default} | {meaning} |")
    return "\n".join([*lines, *_presets(kind), ""])


def _meaning(about: Schema, parts: Schema) -> str:
    """What the field says of itself, else what the part that it holds says."""
    part = parts.get(str(about.get("$ref", "")).rsplit("/", 1)[-1], {})
    return str(about.get("description") or part.get("description", ""))


def _presets(kind: str | None) -> Iterator[str]:
    fault = FAULTS.get(kind or "")
    for intensity, fields in fault.presets.items() if fault else ():
        if intensity == "low":
            yield ""
        yield f"- `intensity: {intensity}` is " + ", ".join(
            f"`{name}: {value}`" for name, value in fields.items()
        )


def _default(about: Schema) -> str:
    value = about.get("default")
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, dict):
        return "see there"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _value(about: Schema) -> str:
    """What may be written, in a word or two."""
    if "$ref" in about:
        return _link(about["$ref"])
    options = about.get("oneOf") or about.get("anyOf")
    if options:
        return " or ".join(
            dict.fromkeys(_value(option) for option in options if option.get("type") != "null")
        )
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return " ".join(f"`{word}`" for word in about["enum"])
    return _simple(about)


def _simple(about: Schema) -> str:
    kind = about.get("type")
    if kind == "array":
        return f"list of {_value(about.get('items', {}))}"
    if kind == "object":
        named: Schema = about.get("patternProperties", {"": about.get("additionalProperties", {})})
        return f"mapping to {_value(next(iter(named.values())))}"
    if "examples" in about:
        return f"such as `{about['examples'][0]}`"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` `false`"}
    if kind == "integer" and "minimum" in about and "maximum" in about:
        return f"{about['minimum']} to {about['maximum']}"
    return words.get(str(kind), "depends on the probe")


def _link(ref: str) -> str:
    name = ref.rsplit("/", 1)[-1]
    return f"[{name}](#{name.lower()})"


if __name__ == "__main__":
    sys.stdout.write(reference())
