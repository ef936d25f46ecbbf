"""What the entry point of the group `lmms_eval.models` gives: lmms-eval reads it at its import."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest

NAME = "tspo_bench"


def manifest() -> ModelManifest:
    """The model `tspo_bench`, by both of lmms-eval's interfaces."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        model_id=NAME,
        simple_class_path="tspo_bench.lmms.model.TspoBench",
        chat_class_path="tspo_bench.lmms.model.TspoBenchChat",
    )
