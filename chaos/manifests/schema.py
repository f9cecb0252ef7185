"""JSON schema of manifests, for editors: made from the models, so it says nothing that validation does not."""

import ast
import inspect
import json
import textwrap
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from chaos.faults import FAULTS
from chaos.manifests.load import AnyManifest
from chaos.manifests.models.accepting import SUITED
from chaos.manifests.policy import PolicyFile

URI = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Defaults as an author would write them: `30s`, not `30.0`."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        written = schema["schema"].get("serialization", {}).get("function")
        if isinstance(made.get("default"), float) and callable(written):
            made["default"] = written(made["default"])
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _described(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return _described(super().dataclass_schema(schema), schema["cls"])


def _described(made: Schema, kind: type) -> Schema:
    """With what the class says below each of its fields, unless the field's own part says the same of itself."""
    fields = getattr(kind, "model_fields", {})
    for name, words in _sentences(kind).items():
        about = fields.get(name)
        field = made.get("properties", {}).get(getattr(about, "alias", None) or to_camel(name))
        if field is not None and getattr(getattr(about, "annotation", None), "__doc__", None) != words:
            field["description"] = words
    return made


def schema() -> Schema:
    """One schema for every kind of manifest."""
    made = _schema_of(AnyManifest)
    parts = made["$defs"]
    for name, kind in sorted(FAULTS.items()):
        _loosen(parts[kind.__name__], name)
    _refine(made)
    for part in ("SteadyState", "StopCondition", "DayStop", "ByProbe"):
        _suit(parts[part], parts)
    del made["discriminator"]  # a word of OpenAPI, which JSON schema does not have
    return {"$schema": URI, **made, "title": "ChaosLab manifest"}


def policy_schema() -> Schema:
    """The schema of a repository's `chaoslab.yaml`."""
    made = _schema_of(PolicyFile)
    _refine(made)
    return {"$schema": URI, **made, "title": "ChaosLab policy"}


def text() -> str:
    """What `experiments/schema.json` holds."""
    return _written(schema())


def policy_text() -> str:
    """What `chaoslab schema --policy` prints."""
    return _written(policy_schema())


def _schema_of(kind: Any) -> Schema:
    made: Schema = TypeAdapter(kind).json_schema(schema_generator=_Generator, by_alias=True)
    return made


def _written(made: Schema) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _loosen(part: Schema, name: str) -> None:
    """What an intensity sets need not be written: then `intensity` must be."""
    part["properties"]["intensity"]["description"] = "A documented preset instead of exact numbers."
    preset = {field for fields in FAULTS[name].presets.values() for field in fields}
    needed = [field for field in part.get("required", []) if field in preset]
    if needed:
        part["required"] = [field for field in part["required"] if field not in preset]
        part["anyOf"] = [{"required": needed}, {"required": ["intensity"]}]


def _refine(node: Any) -> None:
    """Say of every part what pydantic leaves out: obligatory types, port numbers, URLs; drop needless titles."""
    if isinstance(node, list):
        for item in node:
            _refine(item)
    if not isinstance(node, dict):
        return
    properties = node.get("properties", {})
    if "const" in properties.get("type", {}):
        properties["type"].pop("default", None)
        node["required"] = ["type", *(key for key in node.get("required", []) if key != "type")]
    for name, field in properties.items():
        field.pop("title", None)
        if name == "port":
            _bound(field)
        if name == "url":
            field.update(pattern="^http://", examples=["http://127.0.0.1:8000/health"])
    for value in node.values():
        _refine(value)


def _bound(port: Schema) -> None:
    for option in port.get("anyOf", [port]):
        if option.get("type") == "integer":
            option.update(minimum=1, maximum=65535)


def _suit(part: Schema, parts: Schema) -> None:
    """Which tolerance there is depends on the probe: one `if`/`then` each."""
    part["allOf"] = []
    for (probe, metric), tolerance in SUITED.items():
        wanted: Schema = {"type": {"const": probe}}
        if metric is not None:
            wanted["metric"] = {"const": metric}
        parts.setdefault(tolerance.__name__, _tolerance(tolerance))
        when = {"properties": {"probe": {"properties": wanted, "required": list(wanted)}}}
        then = {"properties": {"tolerance": {"$ref": f"#/$defs/{tolerance.__name__}"}}}
        part["allOf"].append({"if": when, "then": then})


def _tolerance(kind: Any) -> Schema:
    made = _schema_of(kind)
    _refine(made)
    return {**made, "minProperties": 1}


def _sentences(kind: type) -> dict[str, str]:
    """Field -> the sentence below it in the source, of the class and of those it inherits from.

    Pydantic can read them as well, but for every class at every start; they are wanted only when a schema is written.
    """
    sentences: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("chaos."):
            sentences |= _own(base)
    return sentences


@cache
def _own(kind: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    pairs = zip(definition.body, definition.body[1:], strict=False)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
