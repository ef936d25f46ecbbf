"""The entry point of the group `lmms_eval.models`, which lmms-eval loads when it is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest

NAME = "tspo_bench"


def manifest() -> ModelManifest:
    """Return the model `tspo_bench` with both of lmms-eval's interfaces."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        model_id=NAME,
        simple_class_path="tspo_bench.lmms.model.TspoBench",
        chat_class_path="tspo_bench.lmms.model.TspoBenchChat",
    )
