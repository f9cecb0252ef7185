"""Intensities: a fault's preset replaced by the numbers that it stands for."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from chaos.faults import FAULTS


def with_preset(fault: object) -> object:
    """The fields of `fault` with those of its preset added, `intensity` kept as the author wrote it.

    Anything but a known fault with a known intensity is returned as it is: validation will say what is wrong
    with it. An exact number that the preset would set is refused: one of the two would be a lie.
    """
    preset = preset_of(fault)
    if preset is None or not isinstance(fault, dict):
        return fault
    for name in preset:
        if name in fault:
            what = "is set by 'intensity: {intensity}' ({preset}); write one of the two"
            raise PydanticCustomError(
                "both", what, {"key": name, "intensity": fault["intensity"], "preset": preset[name]}
            )
    return {**fault, **preset}


def preset_of(fault: object) -> Mapping[str, Any] | None:
    """What the intensity of this fault stands for; None when it has none, or an unknown one."""
    if not isinstance(fault, dict):
        return None
    kind, intensity = fault.get("type"), fault.get("intensity")
    if not isinstance(kind, str) or not isinstance(intensity, str) or kind not in FAULTS:
        return None
    return FAULTS[kind].presets.get(intensity)
