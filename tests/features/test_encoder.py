"""Features against the library's own, on tiny checkpoints of the classes people use."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tests.features.checkpoints import BUILDERS, clip
from tspo_bench.errors import UserError
from tspo_bench.features import load_encoder
from tspo_bench.features.checkpoint import load_model
from tspo_bench.features.encoder import TransformersEncoder

Get = Callable[[str], Path]
NAMES = sorted(BUILDERS)


def frames(n: int, height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth random pictures: noise that survives a resize."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (n, 6, 8, 3), dtype=np.uint8)
    images = [Image.fromarray(x).resize((width, height), Image.Resampling.BICUBIC) for x in small]
    return np.stack([np.asarray(image) for image in images])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(48, 64), (64, 36), (32, 32), (20, 28)])
def test_frame_features_are_the_librarys(checkpoint: Get, name: str, size: tuple[int, int]) -> None:
    """One picture at a time through processor and model, as transformers documents it.

    The processor's image part, that is: for SigLIP 2 the whole one puts its class's defaults in the
    place of the checkpoint's patch size.
    """
    folder, pixels = checkpoint(name), frames(5, *size)
    model = transformers.AutoModel.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder).image_processor
    expected = []
    with torch.no_grad():
        for image in pixels:
            inputs = processor(images=Image.fromarray(image), return_tensors="pt")
            expected.append(model.get_image_features(**inputs).pooler_output[0].numpy())
    encoder = TransformersEncoder(str(folder), batch_size=2)
    features = encoder.encode_frames(pixels)
    assert features.dtype == np.float32
    assert features.shape == (5, encoder.width)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_text_features_are_the_librarys(checkpoint: Get, name: str) -> None:
    """Padded to the full length, as SigLIP was trained; CLIP does not see the padding."""
    folder, texts = checkpoint(name), ["cat", "w1 w2 dog", "", "w3 w4 w5 w6 w7", "dog w8 " * 20]
    model = transformers.AutoModel.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    padding = True if name == "clip" else "max_length"
    inputs = tokenizer(texts, padding=padding, truncation=True, max_length=12, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.no_grad():
        expected = model.get_text_features(**inputs).pooler_output.numpy()
    features = load_encoder(str(folder)).encode_text(texts)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_long_texts_are_cut_at_the_limit(checkpoint: Get, name: str) -> None:
    encoder = load_encoder(str(checkpoint(name)))
    room = 12 - 2  # the limit, less the tokens around the text
    words = " ".join(f"w{i}" for i in range(room))
    cut, longer = encoder.encode_text([words, f"{words} cat dog cat dog"])
    np.testing.assert_allclose(cut, longer, rtol=1e-5)
    shorter = encoder.encode_text([words.rsplit(" ", 1)[0]])[0]
    assert not np.allclose(cut, shorter, atol=1e-3)


def test_a_text_does_not_depend_on_its_batch(checkpoint: Get) -> None:
    encoder = TransformersEncoder(str(checkpoint("siglip")), batch_size=2)
    texts = ["cat", "w1 w2 w3 w4 w5 w6", "dog", "w9", "w1"]
    alone = np.concatenate([encoder.encode_text([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_text(texts), alone, rtol=1e-5, atol=1e-6)


def test_nothing_in_nothing_out(checkpoint: Get) -> None:
    encoder = load_encoder(str(checkpoint("clip")))
    assert encoder.encode_frames(np.zeros((0, 48, 64, 3), np.uint8)).shape == (0, 20)
    assert encoder.encode_text([]).shape == (0, 20)


@pytest.mark.parametrize(("name", "width"), [("clip", 20), ("siglip", 16), ("siglip2", 16)])
def test_what_an_encoder_says_of_itself(checkpoint: Get, name: str, width: int) -> None:
    encoder = load_encoder(str(checkpoint(name)))
    assert (encoder.short_side, encoder.width) == (32, width)
    assert encoder.id.startswith(name)
    assert encoder.id.endswith("float32")


def test_the_id_follows_content_not_place(checkpoint: Get, tmp_path: Path) -> None:
    folder = checkpoint("clip")
    known = load_encoder(str(folder)).id
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert load_encoder(str(copy)).id == known
    (copy / "README.md").write_text("a model card changes nothing")
    assert load_encoder(str(copy)).id == known
    retrained = clip(tmp_path / "retrained", seed=1)  # same names, shapes and sizes
    assert load_encoder(str(retrained)).id != known
    path = copy / "processor_config.json"
    settings = json.loads(path.read_text())
    settings["image_processor"]["image_mean"] = [0.5, 0.5, 0.5]
    path.write_text(json.dumps(settings))
    assert load_encoder(str(copy)).id != known


def test_a_hub_id_offline_is_found_in_the_local_cache(
    checkpoint: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's cache layout: blobs named by their SHA-256, a snapshot of links to them."""
    repository = tmp_path / "models--someone--tiny-clip"
    snapshot = repository / "snapshots" / ("0" * 40)
    for path in (repository / "blobs", repository / "refs", snapshot):
        path.mkdir(parents=True)
    (repository / "refs" / "main").write_text(snapshot.name)
    for source in checkpoint("clip").iterdir():
        blob = repository / "blobs" / hashlib.sha256(source.read_bytes()).hexdigest()
        shutil.copy(source, blob)
        (snapshot / source.name).symlink_to(blob)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert load_encoder("someone/tiny-clip").id == load_encoder(str(checkpoint("clip"))).id


def test_threads_share_an_encoder(checkpoint: Get) -> None:
    encoder = load_encoder(str(checkpoint("clip")))
    pictures = [frames(3, seed=seed) for seed in range(12)]
    texts = [["cat", "w1 " * seed] for seed in range(12)]
    with ThreadPoolExecutor(6) as pool:
        by_threads = list(pool.map(encoder.encode_frames, pictures))
        texts_by_threads = list(pool.map(encoder.encode_text, texts))
    for picture, text, seen, read in zip(
        pictures, texts, by_threads, texts_by_threads, strict=True
    ):
        np.testing.assert_allclose(seen, encoder.encode_frames(picture), rtol=1e-5)
        np.testing.assert_allclose(read, encoder.encode_text(text), rtol=1e-5)


def test_the_reference_encoder() -> None:
    encoder = load_encoder("reference")
    assert encoder.encode_frames(frames(2)).shape == (2, encoder.width)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/folder", "encoder '/no/such/folder'.*no such folder"),
        ("someone/some-clip", "'someone/some-clip'.*hub cannot give it.*folder of a copy"),
        ("clip", "'clip': there is no such folder"),
    ],
)
def test_what_cannot_be_found(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_encoder(name)


def test_a_model_without_text_features_is_rejected(checkpoint: Get, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("clip"), tmp_path / "vision"))
    model = transformers.CLIPVisionModel.from_pretrained(folder)
    model.save_pretrained(folder)
    with pytest.raises(UserError, match="whole CLIP or SigLIP checkpoint"):
        load_encoder(str(folder))


def test_pickled_weights_are_rejected(checkpoint: Get, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("clip"), tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="only safetensors"):
        load_encoder(str(folder))


class DoesNotFit(transformers.CLIPModel):
    """A model that is larger than the device's memory."""

    def to(self, *args: object, **options: object) -> DoesNotFit:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 14.00 GiB.\nMore words")


def test_a_device_whose_memory_is_full(checkpoint: Get) -> None:
    with pytest.raises(UserError) as caught:
        load_model("encoder", "big", DoesNotFit, checkpoint("clip"), "cpu")
    assert str(caught.value).startswith("encoder 'big' cannot be loaded by transformers")
    assert str(caught.value).endswith(": CUDA out of memory. Tried to allocate 14.00 GiB.")


def test_decoding_small_hardly_changes_the_features(real_data: Path) -> None:
    """Frames scaled while decoding against frames that the processor scales itself."""
    from tspo_bench.video import open_video

    encoder = load_encoder("reference")
    for path in sorted((real_data / "videos").iterdir())[:2]:
        small, full = [], []
        for features, side in ((small, encoder.short_side), (full, None)):
            with open_video(path) as reader:
                for batch in reader.scan(0.5, short_side=side):
                    features.append(encoder.encode_frames(batch.pixels))
        a, b = np.concatenate(small), np.concatenate(full)
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert cosine.min() > 0.97
