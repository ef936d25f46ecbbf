"""Agents on disk: the published layout, our own folders, and what is wrong with either."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.agent.published import (
    CLIP_WIDTH,
    naive_scores,
    published,
    selector_weights,
    training_checkpoint,
    with_agent,
)
from tests.features.checkpoints import clip
from tspo_bench.agent import agent_class, checkpoint
from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.checkpoint import default_encoder, find_agent, is_published, load_agent
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.agent.query_agent import QueryAgent
from tspo_bench.errors import UserError
from tspo_bench.features import load_encoder
from tspo_bench.features.checkpoint import without_precision

QUESTION = ["w3 cat w7"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("agents") / "published")


def save(agent: TemporalAgent, folder: Path) -> Path:
    agent.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("prefix", ["selector.", "multiModal_align."])
def test_a_published_checkpoint_is_encoder_and_agent(tmp_path: Path, prefix: str) -> None:
    """From pixels and words to scores, against CLIP by itself and the naive agent."""
    path = clip(tmp_path / "both", 3, CLIP_WIDTH)
    alone = load_encoder(str(path))
    with_agent(path, prefix, seed=3)
    agent, encoder = load_agent(str(path)), load_encoder(str(path))
    assert isinstance(agent, PaperAgent)
    assert (agent.width, agent.tau, agent.encoder) == (CLIP_WIDTH, 0.025, str(path))
    assert agent.encoder_id == without_precision(encoder.id) != encoder.id
    assert encoder.width == CLIP_WIDTH
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 48, 3), dtype=np.uint8)
    frames, text = encoder.encode_frames(pixels), encoder.encode_text(QUESTION)
    np.testing.assert_allclose(frames, alone.encode_frames(pixels), atol=1e-6)
    np.testing.assert_allclose(text, alone.encode_text(QUESTION), atol=1e-6)
    naive = naive_scores(selector_weights(CLIP_WIDTH, 3), frames, text, window=12)
    np.testing.assert_allclose(agent.score(frames, text), naive, rtol=0, atol=1e-5)


def test_a_training_checkpoint_has_no_encoder(tmp_path: Path) -> None:
    path = str(training_checkpoint(tmp_path / "checkpoint-100", seed=5))
    agent = load_agent(path)
    assert (agent.width, agent.encoder, agent.encoder_id) == (CLIP_WIDTH, None, None)
    rng = np.random.default_rng(0)
    frames, text = (rng.normal(size=(n, CLIP_WIDTH)).astype(np.float32) for n in (30, 1))
    naive = naive_scores(selector_weights(CLIP_WIDTH, 5), frames, text, window=12)
    np.testing.assert_allclose(agent.score(frames, text), naive, rtol=0, atol=1e-5)
    with pytest.raises(UserError, match=r"has no CLIP beside .* --encoder openai/clip-vit-large"):
        default_encoder(path)


@pytest.mark.parametrize("cls", [TemporalAgent, PaperAgent])
@pytest.mark.parametrize("layout", ["published", "training", "own", "packaged"])
def test_from_pretrained_takes_every_layout(
    tmp_path: Path, cls: type[TemporalAgent], layout: str
) -> None:
    make = {
        "published": published,
        "training": training_checkpoint,
        "own": lambda folder: save(PaperAgent(16), folder),
        "packaged": lambda folder: Path("tspo"),
    }
    path = make[layout](tmp_path / layout)
    agent, known = cls.from_pretrained(path), load_agent(str(path))
    assert isinstance(agent, PaperAgent)
    assert not agent.training
    assert agent.settings == known.settings
    for name, tensor in known.state_dict().items():
        assert torch.equal(agent.state_dict()[name], tensor)
    changed = cls.from_pretrained(path, tau=0.5, map_location="cpu")
    assert changed.tau == 0.5
    agent.save_pretrained(tmp_path / "again")
    assert TemporalAgent.from_pretrained(tmp_path / "again").settings == agent.settings


def test_from_pretrained_names_what_it_cannot_load(tmp_path: Path) -> None:
    def rejected(said: str, cls: type[TemporalAgent], path: Path | str, **given: object) -> None:
        with pytest.raises(UserError, match=said):
            cls.from_pretrained(path, **given)

    paper, ours = save(PaperAgent(16), tmp_path / "paper"), tmp_path / "q"
    QueryAgent(16, tau=0.2).save_pretrained(ours)
    assert isinstance(TemporalAgent.from_pretrained(ours), QueryAgent)
    rejected("is of kind 'tspo', not a QueryAgent; load it with PaperAgent", QueryAgent, paper)
    rejected("is of kind 'tspo-q', not a PaperAgent; load it with QueryAgent", PaperAgent, ours)
    rejected("is of kind 'tspo', not a QueryAgent", QueryAgent, published(tmp_path / "both"))
    rejected("unexpected keyword argument 'colour'", TemporalAgent, paper, colour=1)
    rejected("unexpected keyword argument 'colour'", TemporalAgent, tmp_path / "both", colour=1)
    rejected("there is no such folder", TemporalAgent, "./nowhere")
    rejected("is not an agent's", PaperAgent, clip(tmp_path / "clip"))


def test_from_pretrained_hands_the_hub_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def fetched(name: str, allow_patterns: list[str], **arguments: object) -> str:
        asked.update(arguments, name=name)
        return str(published(tmp_path / "snapshot"))

    monkeypatch.setattr("tspo_bench.features.checkpoint.snapshot_download", fetched)
    assert TemporalAgent.from_pretrained("owner/agent", revision="v1", token="t").kind == "tspo"
    assert asked == {"name": "owner/agent", "revision": "v1", "token": "t"}


def test_weights_in_half_precision_are_taken_as_float32(tmp_path: Path) -> None:
    path = published(tmp_path / "both")
    weights = load_file(path / "model.safetensors")
    halves = {k: v.bfloat16() if k.startswith("selector.") else v for k, v in weights.items()}
    save_file(halves, path / "model.safetensors", metadata={"format": "pt"})
    agent = load_agent(str(path))
    assert {p.dtype for p in agent.parameters()} == {torch.float32}
    assert torch.equal(agent.mlp[0].weight, halves["selector.mlp.0.weight"].float())


def test_weights_in_several_files(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    items = list(load_file(folder / "model.safetensors").items())
    for number in range(3):
        save_file(dict(items[number::3]), tmp_path / f"model-0000{number + 1}-of-00003.safetensors")
    one, three = load_agent(str(folder)), load_agent(str(tmp_path))
    for name, tensor in one.state_dict().items():
        assert torch.equal(three.state_dict()[name], tensor)


def test_which_layout_it_is(tmp_path: Path, folder: Path) -> None:
    own = save(PaperAgent(16), tmp_path / "own")
    assert is_published(folder)
    assert not is_published(own)
    assert default_encoder(str(folder)) == str(folder)
    assert default_encoder(str(own)) == default_encoder("tspo-q") == default_encoder(None)
    assert default_encoder(None) == "reference"


@pytest.mark.parametrize("kind", [PaperAgent, QueryAgent])
def test_an_agent_comes_back_as_it_was_saved(kind: type[TemporalAgent], tmp_path: Path) -> None:
    known = {"width": 16, "tau": 0.1, "encoder": "clip", "encoder_id": "clip-1"}
    agent = kind(**known, window=5, heads=2)
    path = save(agent, tmp_path / "own")
    files = {file.name for file in path.iterdir()}
    assert files == {"config.json", "model.safetensors", "README.md"}
    config = json.loads((path / "config.json").read_text())
    assert config.items() >= {**known, "window": 5, "heads": 2, "kind": agent.kind}.items()
    for loaded in (load_agent(str(path)), kind.from_pretrained(path)):
        assert type(loaded) is kind
        assert loaded.settings == agent.settings == config
        assert not loaded.training
        for name, tensor in agent.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], tensor)


def test_the_packages_own_agents_are_named_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PACKAGED", tmp_path)
    with pytest.raises(UserError, match=r"agent 'tspo-q' is not in .* --agent tspo-q` makes"):
        load_agent("tspo-q")
    save(PaperAgent(16), tmp_path / "tspo")
    assert find_agent("tspo") == tmp_path / "tspo"
    assert load_agent("tspo").kind == "tspo"


def test_a_folder_of_several_seeds_names_them(tmp_path: Path) -> None:
    for seed in (0, 2):
        save(PaperAgent(16), tmp_path / f"seed-{seed}")
    with pytest.raises(UserError, match=r"of each seed: seed-0, seed-2; name one .*seed-0"):
        load_agent(str(tmp_path))
    assert load_agent(str(tmp_path / "seed-2")).width == 16


def test_an_unfinished_agent_names_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(UserError, match=r"is not finished: train with --resume resumes it$"):
        load_agent(str(tmp_path))
    save(PaperAgent(16), tmp_path / "previous")
    with pytest.raises(UserError, match=r"resumes it; the agent .* before is .*previous$"):
        load_agent(str(tmp_path))
    assert load_agent(str(tmp_path / "previous")).width == 16


def test_a_missing_folder_is_not_blamed_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tspo_bench.features.checkpoint.snapshot_download", unreachable)
    for folder in ("agents/mine", "agents/three/seed-0", "agents/three/seed-1", "owner/ours"):
        save(PaperAgent(16), tmp_path / folder)
    (tmp_path / "agents" / "notes").mkdir()
    for name in ("agents/foo", "./agents/foo", "agents/../agents/foo"):
        with pytest.raises(UserError) as caught:
            find_agent(name)
        place = str(Path(name).parent)
        assert str(caught.value) == (
            f"agent {name!r}: there is no such folder (there are: {place}/mine, {place}/three); "
            "give a checkpoint's folder, or a hub id (owner/name)"
        )
    with pytest.raises(UserError) as caught:
        find_agent("owner/name")
    said = str(caught.value)
    assert "no such folder (there are: owner/ours), and the model hub cannot give it (no" in said
    with pytest.raises(UserError, match=r"encoder 'none': there is no such folder; give a"):
        load_encoder("none")


def unreachable(*args: object, **kwargs: object) -> str:
    raise OSError("no network")


def spoil_weights(path: Path, change: str) -> None:
    file = path / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("temporal.Self_k.weight"))
    if change == "missing":
        del weights[name]
    elif change == "shape":
        weights[name] = weights[name][:, :-1].contiguous()
    else:
        weights[name.replace("Self_k", "Self_z")] = weights[name].clone()
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("missing", r"temporal.Self_k.weight is missing, but an agent 'tspo' of width 24 has \[24"),
        ("shape", r"temporal.Self_k.weight is \[24, 23\], but an agent .* has \[24, 24\]"),
        ("more", r"temporal.Self_z.weight is \[24, 24\], but an agent .* has no such weight"),
    ],
)
@pytest.mark.parametrize("layout", ["own", "published"])
def test_incomplete_weights(tmp_path: Path, change: str, said: str, layout: str) -> None:
    path = tmp_path / layout
    if layout == "own":
        save(PaperAgent(CLIP_WIDTH), path)
    else:
        published(path)
    spoil_weights(path, change)
    with pytest.raises(UserError, match=said):
        load_agent(str(path))


NESTED = "[" * 100_000 + "]" * 100_000
HALF = '"\\ud83d"'  # half a character, which no file can hold
BROKEN = {
    "recipe": (NESTED, "5", '{"rewards": 5}', '{"frames": "8"}', '{"command": [5]}',
               f'{{"preset": {HALF}}}'),
    "width": ("1" * 5000, "1000000000", "-1", "true", '"16"', "null", "NaN"),
    "heads": ("0", "{}", "100000"),
    "window": ("1" * 4000, '"wide"'),
    "tau": ("1" * 4000, "Infinity", "NaN", '"warm"', "null", "-1"),
    "encoder": ("5", HALF),
    "encoder_id": ("{}", HALF),
    "kind": ("[]", HALF, "7", '"tspo-z"'),
}  # fmt: skip
BROKEN_TSPO_Q = {
    "without": ('"film"', "[[]]"),
    "hidden": ("10000000",),
    "layers": ("100000", "[]"),
}


@pytest.mark.parametrize("kind", ["tspo", "tspo-q"])
def test_a_config_with_a_wrong_value_is_a_users_mistake(kind: str, tmp_path: Path) -> None:
    agent_class(kind)(16, 0.1).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = {name: json.dumps(known) for name, known in json.loads(path.read_text()).items()}
    broken = BROKEN if kind == "tspo" else {**BROKEN, **BROKEN_TSPO_Q}
    for key, values in broken.items():
        for value in values:
            fields = {**config, key: value}
            path.write_text("{" + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}")
            with pytest.raises(UserError) as caught:
                load_agent(str(tmp_path))
            str(caught.value).encode()


@pytest.mark.parametrize("text", ["", "[]", "5", "null", NESTED, "\x00", "{", '{"kind": "tspo"}'])
def test_a_config_that_is_not_an_object_is_a_users_mistake(text: str, tmp_path: Path) -> None:
    path = save(PaperAgent(16), tmp_path / "a") / "config.json"
    for content in (text.encode(), b"\xff" + text.encode()):
        path.write_bytes(content)
        with pytest.raises(UserError):
            load_agent(str(tmp_path / "a"))


def test_a_config_may_hold_more_than_arguments_and_no_recipe(tmp_path: Path) -> None:
    path = save(PaperAgent(16), tmp_path / "a") / "config.json"
    config = json.loads(path.read_text())
    assert "recipe" not in config
    path.write_text(json.dumps({**config, "note": {"of": ["mine"]}}))
    assert load_agent(str(tmp_path / "a")).recipe == {}


def test_folders_that_are_not_agents(tmp_path: Path) -> None:
    def rejected(said: str, device: str = "cpu", name: str | None = None) -> None:
        with pytest.raises(UserError, match=said):
            load_agent(name or str(path), device)

    path = clip(tmp_path / "clip")
    rejected(r"is not an agent's \(kind: None\), and its weights hold no selector")
    rejected("agent './nowhere': there is no such folder", name="./nowhere")
    path = save(PaperAgent(16), tmp_path / "own")
    rejected("unknown device 'quantum'", "quantum")
    config = json.loads((path / "config.json").read_text())
    del config["width"]
    (path / "config.json").write_text(json.dumps(config))
    rejected("missing 1 required positional argument: 'width'")
    (path / "config.json").write_text("{")
    rejected("config.json is not valid JSON")
    (path / "model.safetensors").write_bytes(b"no weights")
    rejected("model.safetensors cannot be read")
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    rejected("only safetensors weights are loaded")
