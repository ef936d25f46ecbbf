"""Options of samplers: their kinds, and their checks by pydantic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tspo_bench.errors import UserError

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
CountFromOne = Annotated[int, Field(ge=1)]
Fill = Literal["score", "none"]
Short = Literal["candidates", "uniform"]

Class = TypeVar("Class")
_CHECKS = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


@dataclass_transform(frozen_default=True)
def sampler_options(cls: type[Class]) -> type[Class]:
    """Make a class a frozen dataclass whose fields are a sampler's options.

    A wrong value raises pydantic's error, from which `load_sampler` makes a message.
    """
    decorate: Callable[[type[Class]], Any] = dataclass(frozen=True, config=_CHECKS)
    checked: type[Class] = decorate(cls)
    return checked


def check_choice(sampler: str, name: str, value: str, choices: Any) -> None:
    """Check that an option is one of the words of a `Literal`.

    Raises:
        UserError: it is not.
    """
    if value not in (known := get_args(choices)):
        raise UserError(f"sampler {sampler!r}: {name} must be {' or '.join(known)} (got {value!r})")
