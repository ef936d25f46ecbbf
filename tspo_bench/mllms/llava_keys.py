"""LLaVA-Video's released checkpoints: settings and names of weights in terms of transformers.

The format is that of the LLaVA-NeXT repository (model type `llava_qwen`): a Qwen2 whose weights
stand at the top, with the SigLIP tower, the projector and the newline embedding beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from safetensors import safe_open

from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import WEIGHTS, load_errors
from tspo_bench.mllms.checkpoint_checks import KIND

# The original's prefix of a weight's name, and that of LlavaOnevisionForConditionalGeneration.
TOWER = "model.vision_tower.vision_tower.vision_model."
PREFIXES = {
    TOWER: "model.vision_tower.",
    "model.mm_projector.0.": "model.multi_modal_projector.linear_1.",
    "model.mm_projector.2.": "model.multi_modal_projector.linear_2.",
    "model.embed_tokens.": "model.language_model.embed_tokens.",
    "model.layers.": "model.language_model.layers.",
    "model.norm.": "model.language_model.norm.",
}
# Unused: the tower's features are taken before its last norm, and buffers are computed.
UNUSED = (".post_layernorm.", ".rotary_emb.inv_freq", ".embeddings.position_ids")
# The settings of the released models that decide how frames become tokens.
LAYOUT = {
    "mm_projector_type": "mlp2x_gelu",
    "mm_vision_select_layer": -2,
    "mm_spatial_pool_mode": "bilinear",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_newline_position": "grid",
}
KNOWN_TOWER = "siglip-so400m-patch14-384"
SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}


def read_config(name: str, folder: Path) -> Any:
    """Return the `LlavaOnevisionConfig` of a released checkpoint's config.json.

    Its tower is one layer shorter than SigLIP's, since features are taken from the last but one.

    Raises:
        UserError: the file cannot be read, its token layout is another one, or the vision tower's
            shape is unknown.
    """
    with load_errors(KIND, name):
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for field, value in LAYOUT.items():
        if fields.get(field) != value:
            raise UserError(
                f"model {name!r}: {field} is {fields.get(field)!r} in its config.json, not "
                f"{value!r} as in LLaVA-Video; other models of LLaVA's own format are not loaded: "
                "give a checkpoint in transformers' format (often named ...-hf)"
            )
    with load_errors(KIND, name):
        text = transformers.Qwen2Config.from_dict(
            {
                key: value
                for key, value in fields.items()
                if key not in ("model_type", "architectures") and not key.startswith("mm_")
            }
        )
        return transformers.LlavaOnevisionConfig(
            vision_config=_tower(name, folder, fields.get("mm_vision_tower")),
            text_config=text,
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
            tie_word_embeddings=bool(fields.get("tie_word_embeddings")),
        )


def _tower(name: str, folder: Path, tower: str | None) -> dict[str, Any]:
    """Return the shape of the SigLIP that `mm_vision_tower` names: released, or in a folder."""
    if tower and Path(tower).name == KNOWN_TOWER:
        shape: dict[str, Any] = dict(SO400M)
    else:
        path = folder / (tower or "") / "config.json"
        found = json.loads(path.read_text(encoding="utf-8")) if tower and path.is_file() else {}
        shape = dict(found.get("vision_config", found))
        if shape.get("model_type") != "siglip_vision_model":
            raise UserError(
                f"model {name!r}: mm_vision_tower is {tower!r} in its config.json; that is neither "
                f"{KNOWN_TOWER} nor a folder with the config.json of a SigLIP vision model"
            )
    shape |= {"model_type": "siglip_vision_model", "vision_use_head": False}
    shape["num_hidden_layers"] -= 1
    return shape


def check_weights(name: str, folder: Path, expected: Iterable[str], tied: bool) -> None:
    """Compare the names of a checkpoint's weights with those of the class; reads no weights.

    Args:
        name: the checkpoint's, for messages.
        folder: that of its safetensors files, one or several.
        expected: transformers' names of all weights that the class needs.
        tied: whether the head is the embedding, so that it may be missing.

    Raises:
        UserError: a file is damaged, or a weight is missing or unknown.
    """
    found: set[str] = set()
    for file in sorted(folder.glob(WEIGHTS)):
        with load_errors(KIND, name), safe_open(file, framework="pt") as weights:
            found |= set(weights.keys())
    needed = {_original_name(key) for key in expected}
    missing = needed - found - ({"lm_head.weight"} if tied else set())
    unknown = {key for key in found - needed if not any(part in key for part in UNUSED)}
    if missing and not any(key.startswith(TOWER) for key in found):
        raise UserError(
            f"model {name!r}: the vision tower's weights ({TOWER}...) are not in {folder}; "
            "give a checkpoint that was saved with them, as the released ones are"
        )
    for keys, what in ((missing, "are not in"), (unknown, "are unknown to LLaVA-Video, in")):
        if keys:
            named = ", ".join(sorted(keys)[:3]) + (", ..." if len(keys) > 3 else "")
            raise UserError(f"model {name!r}: {len(keys)} weights {what} {folder}: {named}")


def _original_name(key: str) -> str:
    for original, prefix in PREFIXES.items():
        if key.startswith(prefix):
            return original + key.removeprefix(prefix)
    return key
