"""Transformers checkpoints: their folder, identity and loading.

Weights are read from safetensors only (no pickle), code that a checkpoint brings along is never
run, and a checkpoint that lacks some of its class's weights is rejected, because transformers would
fill them in at random.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import snapshot_download
from safetensors import safe_open

from tspo_bench.errors import UserError
from tspo_bench.files import user_path

WEIGHTS = "model*.safetensors"
# What changes a model's answers beside its weights. README and the like are left out, so that a
# hub snapshot and a copy of it have one digest.
SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "tokenizer.json",
    "chat_template.json",
    "chat_template.jinja",
)
# Ends the id of an encoder that resizes frames on CUDA, which rounds a little differently.
CUDA_RESIZE = "-cuda_resize"
_ENCODER = ("text_model.", "vision_model.", "text_projection.", "visual_projection.")
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_TRAINED = "agents/"  # where `tspo-bench train` puts what it makes: no owner's name on a hub
_NAMED = 8  # folders in a message
_PACKAGED = Path(__file__).parents[1] / "reference" / "weights"


def packaged_checkpoint(name: str) -> Path:
    """The folder of a checkpoint shipped in the package: "encoder" or "mllm"."""
    return _PACKAGED / name


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub id, "owner/name"."""
    return _REPOSITORY.fullmatch(name) is not None


def find_checkpoint(kind: str, name: str, **hub: Any) -> Path:
    """The folder of a checkpoint: a local one, or the hub's snapshot, fetched if need be.

    `hub` are arguments of huggingface_hub's `snapshot_download`.

    Raises:
        UserError: no such folder, nothing loadable in it, or the hub cannot give it.
    """
    folder = user_path(name)
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"{kind} {name!r} is a file; give the checkpoint's folder")
        if not is_hub_id(name) or name.startswith(_TRAINED):
            raise UserError(
                f"{kind} {name!r}: there is no such folder{_beside(folder)}; give a checkpoint's "
                "folder, or a hub id (owner/name)"
            )
        folder = _fetch(kind, name, _beside(folder), **hub)
    if not (folder / "config.json").is_file():
        raise UserError(f"{kind} {name!r}: no config.json in {folder}; give a checkpoint's folder")
    if not any(folder.glob(WEIGHTS)):
        raise UserError(
            f"{kind} {name!r}: no {WEIGHTS} in {folder}; only safetensors weights are loaded: "
            "convert the checkpoint with save_pretrained"
        )
    return folder


def _beside(folder: Path) -> str:
    """The checkpoints next to a folder that is not there, for a message; agents of seeds as one."""
    place = folder.parent
    configs = [*place.glob("*/config.json"), *place.glob("*/seed-*/config.json")]
    found = sorted({str(place / path.relative_to(place).parts[0]) for path in configs})
    more = ["..."] * (len(found) > _NAMED)
    return f" (there are: {', '.join(found[:_NAMED] + more)})" if found else ""


def _fetch(kind: str, name: str, beside: str, **hub: Any) -> Path:
    patterns = ["*.json", "*.txt", "*.model", "*.jinja", WEIGHTS]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns, **hub))
    except (OSError, ValueError) as error:  # offline, unknown, gated; not a valid id
        raise UserError(
            f"{kind} {name!r}: no such folder{beside}, and it cannot be downloaded "
            f"({_first_line(error)}); check the name and the network, download it beforehand with "
            f"`hf download {name}`, or give the path of a local copy"
        ) from error


def content_digest(folder: Path) -> str:
    """SHA-256 over a checkpoint's weights and settings: what identifies the model.

    Every byte of the weights counts: a retrained checkpoint has the same names, shapes and sizes,
    so the safetensors header alone would not distinguish them. It takes about a second a
    gigabyte, once when a model is loaded; files in the hub's cache are named by their SHA-256, so
    those are not read at all.
    """
    weights = sorted(folder.glob(WEIGHTS))
    settings = [folder / name for name in SETTINGS if (folder / name).is_file()]
    files = weights + settings
    with ThreadPoolExecutor() as pool:  # hashlib lets go of the interpreter lock
        digests = list(pool.map(_file_digest, files))
    listing = "\n".join(
        f"{path.name} {digest}" for path, digest in zip(files, digests, strict=True)
    )
    return hashlib.sha256(listing.encode()).hexdigest()


def checkpoint_id(folder: Path) -> str:
    """The model's type and the digest of its content: an encoder's id without the precision.

    Raises:
        UserError: config.json names no type.
    """
    path = folder / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path} gives no model type ({_first_line(error)}); download it again"
        ) from error
    return f"{kind}-{content_digest(folder)[:24]}"


def without_precision(encoder_id: str) -> str:
    """The part of an encoder's id that identifies its weights on any device."""
    return re.sub(r"-(float32|bfloat16)$", "", encoder_id.removesuffix(CUDA_RESIZE))


def is_same_encoder(first: Path, second: Path) -> bool:
    """Whether two checkpoints hold the same CLIP or SigLIP, ignoring other weights.

    Compared in bfloat16, in which one of them may have been saved.
    """
    own, other = _encoder_weights(first), _encoder_weights(second)
    return (
        len(own) > 0
        and own.keys() == other.keys()
        and all(torch.equal(weight, other[name]) for name, weight in own.items())
    )


def _encoder_weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in folder.glob(WEIGHTS):
        with safe_open(path, framework="pt") as file:
            for name in list(file.keys()):
                if name.startswith(_ENCODER) and not name.endswith("position_ids"):
                    found[name] = file.get_tensor(name).bfloat16()
    return found


def _file_digest(path: Path) -> str:
    blob = path.resolve()
    if blob.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return blob.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def precision(device: str) -> torch.dtype:
    """The one precision of a device: bfloat16 on CUDA, float32 elsewhere.

    Raises:
        UserError: unknown device, or CUDA without a GPU.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"unknown device {device!r}; use cpu, cuda or cuda:N") from error
    if kind not in ("cpu", "cuda"):
        raise UserError(f"device {device!r} is not supported; use cpu, cuda or cuda:N")
    if kind == "cuda" and (torch.device(device).index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        found = f"only {count} CUDA devices found" if count else "no CUDA device found"
        raise UserError(f"device {device!r}: {found}; use --device cpu")
    return torch.bfloat16 if kind == "cuda" else torch.float32


def load_model(
    kind: str, name: str, auto_class: Any, folder: Path, device: str, device_map: str | None = None
) -> Any:
    """The model in `folder`, in evaluation mode on `device`, in the device's precision.

    `device_map` spreads it over all GPUs instead (see `placement`).

    Raises:
        UserError: unknown class, unreadable or incomplete weights, unusable device.
    """
    dtype = precision(device)
    with load_errors(kind, name):
        model, info = auto_class.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **({"device_map": placement(device, device_map)} if device_map else {}),
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise UserError(
            f"{kind} {name!r}: {len(missing)} weights of {type(model).__name__} are not in "
            f"{folder}, first {missing[0]!r}; the checkpoint is incomplete or of another class"
        )
    if device_map:
        return model.eval()
    with load_errors(kind, name):  # the device's memory may be full
        return model.to(device).eval()


def placement(device: str, device_map: str | None) -> str | dict[str, str]:
    """What transformers is given to place a model: on a device, or by `device_map` on all GPUs."""
    if device_map is None or torch.device(device).type == "cpu":
        return {"": device}
    return device_map


def load_processor(kind: str, name: str, folder: Path) -> Any:
    """The checkpoint's own processor.

    Raises:
        UserError: none in the folder, or a package that it needs is missing.
    """
    with load_errors(kind, name):
        return transformers.AutoProcessor.from_pretrained(folder, trust_remote_code=False)


@contextlib.contextmanager
def load_errors(kind: str, name: str) -> Iterator[None]:
    """Turn what transformers raises on an unusable checkpoint into a UserError."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        needs = _first_line(error).partition(". ")[0]
        raise UserError(
            f"{kind} {name!r} cannot be loaded by transformers {transformers.__version__}: "
            f"{needs}; install it (`uv pip install ...`), in the version that fits this torch"
        ) from error
    except Exception as error:  # transformers and tokenizers raise what they like
        raise UserError(
            f"{kind} {name!r} cannot be loaded by transformers {transformers.__version__}: "
            f"{_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
