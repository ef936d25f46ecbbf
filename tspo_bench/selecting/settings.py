"""The settings of a run that count where no MLLM is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tspo_bench.errors import UserError
from tspo_bench.registry import did_you_mean

if TYPE_CHECKING:
    from tspo_bench.evaluation import RunSettings

_KNOWN = (
    *("encoder", "agent", "candidate_fps", "candidates", "device"),
    *("limit", "only_present", "split", "data_root", "annotations", "evidence"),
)


def selection_settings(settings: dict[str, Any], *, seed: int, **given: Any) -> RunSettings:
    """The run settings of a call.

    Args:
        settings: those that the caller may leave out, by name.
        seed: of samplers and tasks that draw.
        given: the others.

    Raises:
        UserError: a setting that has no meaning here, or cannot be used.
    """
    from tspo_bench.evaluation import RunSettings

    for name in settings:
        if name not in _KNOWN:
            hint = f"{did_you_mean(name, _KNOWN)}known: {', '.join(_KNOWN)}"
            raise UserError(f"unknown setting {name!r}; {hint}")
    return RunSettings.of(**given, **settings, seeds=(seed,))


def sampler_settings(
    settings: dict[str, Any], sampler: str, frames: int, seed: int, **given: Any
) -> RunSettings:
    """The run settings of one sampler at one frame budget; see `selection_settings`."""
    config = selection_settings(settings, seed=seed, samplers=(sampler,), frames=(frames,), **given)
    if len(config.samplers) > 1:
        raise UserError(f"--sampler {sampler!r} is several; give one")
    return config
