"""Lazy union of faults: of thirty classes only those that a manifest names are read and given a validator.

What it accepts, where its errors stand and what they say is as of a union of all of them, told apart by `type`; from
that union the JSON schema is made.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NewType

from pydantic import BeforeValidator, Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from chaos.faults import FAULTS
from chaos.faults.support.base import Fault
from chaos.faults.union import any_fault
from chaos.manifests.models.base import Part
from chaos.manifests.models.intensity import with_preset

# By another name, because an adapter of a dataclass itself takes no configuration.
_named: Callable[[str, Any], Any] = NewType


@cache
def _adapter(name: str) -> TypeAdapter[Fault]:
    return TypeAdapter(_named("kind", FAULTS[name]), config=Part.model_config)


def _reader(name: str) -> Callable[[object], Fault]:
    def read(value: object) -> Fault:
        if isinstance(value, Fault):
            return value
        # Through JSON: only there strict validation is strict about words and numbers but not about lists.
        return _adapter(name).validate_json(json.dumps(value), strict=True)

    return read


def _plain(fault: Fault, info: core_schema.SerializationInfo) -> Any:
    return _adapter(fault.type).dump_python(
        fault, mode="json" if info.mode == "json" else "python", by_alias=info.by_alias
    )


class _ByType:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {
            name: core_schema.no_info_plain_validator_function(_reader(name)) for name in FAULTS
        }
        serialization = core_schema.plain_serializer_function_ser_schema(_plain, info_arg=True)
        return core_schema.tagged_union_schema(choices, "type", serialization=serialization)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        every: Any = Annotated[any_fault(), Discriminator("type")]
        return handler(TypeAdapter(_named("kind", every), config=Part.model_config).core_schema)


AnyFaultField = Annotated[Fault, _ByType(), BeforeValidator(with_preset)]
