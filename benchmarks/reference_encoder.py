"""How well the reference encoder names what a frame shows.

`python -m benchmarks.reference_encoder` draws 600 frames from scripts of no split; the names to
choose from are all of the world's.
"""

from __future__ import annotations

import json
import random

import numpy as np

from tspo_bench.features import load_encoder
from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.reference.encoder import noisy, training_scenes

NUM_FRAMES = 600


def main() -> None:
    """Print the share of frames whose main object, and companions, the encoder finds."""
    encoder = load_encoder("reference")
    texts = encoder.encode_text([f"a {name}" for name in PICTOGRAMS])
    source, rng = training_scenes(99, crowded=False), random.Random(5)
    scenes = [next(source) for _ in range(NUM_FRAMES)]
    drawn = np.stack([draw_scene(scene, rng.uniform(*scene.clear)) for scene in scenes])
    frames = encoder.encode_frames(noisy(drawn, np.random.default_rng(3)).astype(np.uint8))
    frames, texts = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (frames, texts))
    best = np.argsort(-(frames @ texts.T), axis=1)
    number = {name: place for place, name in enumerate(PICTOGRAMS)}
    main_first = [best[i, 0] == number[s.main.name] for i, s in enumerate(scenes)]
    companion_in_four = [
        number[companion.name] in best[i, :4]
        for i, scene in enumerate(scenes)
        for companion in scene.companions
    ]
    figures = {"main_first": main_first, "companion_among_four": companion_in_four}
    print(json.dumps({name: round(float(np.mean(hits)), 3) for name, hits in figures.items()}))


if __name__ == "__main__":
    main()
