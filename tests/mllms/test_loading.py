from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mllms.conftest import MIXED, make_request
from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import placement
from tspo_bench.mllms import check_mllm, load_mllm, registry
from tspo_bench.registry import parse_spec

Get = Callable[[str], Path]


def test_a_path_with_options_and_dots(checkpoint: Get, tmp_path: Path) -> None:
    link = tmp_path / "step-1.500"
    link.symlink_to(checkpoint("llava_onevision"))
    model = load_mllm(f"{link}[max_new_tokens=2]", batch_size=3)
    assert model.name == "step-1.500[max_new_tokens=2]"
    assert len(model.answer([make_request([1, 2])])[0].text.split()) <= 2


def test_a_path_with_a_colon_and_one_of_one_word(
    checkpoint: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, spec in (("run:3", str(tmp_path / "run:3")), ("mymodel", "mymodel")):
        (tmp_path / name).symlink_to(checkpoint("llava_onevision"))
        assert load_mllm(spec).name == name


def test_a_model_must_inherit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_model.py").write_text("class Parrot:\n    name = id = 'parrot'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for find in (check_mllm, load_mllm):
        with pytest.raises(UserError, match=r"Parrot must inherit from tspo_bench\.MLLM"):
            find("no_model:Parrot")


def test_a_custom_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_models.py").write_text(
        "import tspo_bench\n"
        "class Parrot(tspo_bench.MLLM):\n"
        "    name = 'parrot'\n    id = 'parrot-1'\n    short_side = None\n"
        "    def __init__(self, word='A', batch_size=1):\n"
        "        self.word, self.batch_size = word, batch_size\n"
        "    def answer(self, requests):\n        return [self.word for _ in requests]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    model = load_mllm("my_models:Parrot[word=C]", batch_size=5)
    sys.modules.pop("my_models")
    assert model.answer([make_request([1])]) == ["C"]
    assert vars(model) == {"word": "C", "batch_size": 5}


def test_the_reference_model_is_registered() -> None:
    assert "reference" in registry.cards()
    plain, short = (
        registry.card(parse_spec(s)) for s in ("reference", "reference[max_new_tokens=4]")
    )
    assert plain.options == {"checkpoint": "reference", "name": "reference"}
    assert short.options["name"] == "reference[max_new_tokens=4]"


def test_the_reference_model_answers() -> None:
    model = load_mllm("reference")
    assert model.name == "reference"
    assert len(model.answer([make_request([0, 10]), make_request([])])) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("referense", "unknown model 'referense': did you mean 'reference'"),
        ("/no/such/folder", "'/no/such/folder'.*no such folder"),
        ("./nothing", "no such folder"),
        ("someone/some-model-7b", "'someone/some-model-7b'.*it cannot be downloaded"),
    ],
)
def test_what_cannot_be_found(spec: str, message: str) -> None:
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=message):
            find(spec)


def test_a_check_reads_no_weights(checkpoint: Get, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint("llava_onevision"), tmp_path / "unread")
    (folder / "model.safetensors").write_bytes(b"no weights")
    assert check_mllm(f"{folder}[max_new_tokens=4]") == "unread[max_new_tokens=4]"
    assert check_mllm("tests.evaluation.own:FrameReader") is None  # it says its name itself
    for spec, device in ((f"{folder}[max_tokens=4]", "cpu"), (str(folder), "gpu")):
        with pytest.raises(UserError, match=r"max_tokens|unknown device 'gpu'"):
            check_mllm(spec, device)


def test_a_file_is_not_a_checkpoint(checkpoint: Get) -> None:
    with pytest.raises(UserError, match="is a file"):
        load_mllm(str(checkpoint("llava_onevision") / "config.json"))


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config.json in"):
        load_mllm(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="only safetensors"):
        load_mllm(str(tmp_path))


@pytest.mark.parametrize(
    ("options", "arguments", "said"),
    [
        ("[max_tokens=3]", {}, r"has no option 'max_tokens'.*max_new_tokens"),
        ("", {"batch_size": 0}, "batch size 0"),
        ("", {"device": "gpu"}, "unknown device 'gpu'"),
        *(
            (f"[max_new_tokens={length}]", {}, rf"(?i)max_new_tokens='?{length}'?; use a whole")
            for length in ("abc", "0", "-1", "2.5", "true")
        ),
    ],
)
def test_wrong_settings(checkpoint: Get, options: str, arguments: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_mllm(f"{checkpoint('llava_onevision')}{options}", **arguments)


@pytest.mark.parametrize("name", ["llava_onevision", "qwen2_5_vl"])
def test_a_model_that_accelerate_places_gives_the_same_answers(
    checkpoint: Get, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint(name)
    wanted = load_mllm(str(folder)).answer(MIXED)
    # As with a GPU; without one transformers places everything on the CPU.
    monkeypatch.setattr("tspo_bench.features.checkpoint.placement", lambda *given: given[1])
    placed = load_mllm(f"{folder}[device_map=auto]")
    assert placed.name == f"{folder.name}[device_map=auto]"
    assert placed.answer(MIXED) == wanted


def test_released_llava_video_is_placed_likewise(llava_folder: Path) -> None:
    wanted = load_mllm(str(llava_folder)).answer(MIXED[:2])
    assert load_mllm(f"{llava_folder}[device_map=balanced]").answer(MIXED[:2]) == wanted


def test_placement() -> None:
    assert placement("cuda", "auto") == "auto"
    assert placement("cuda:1", None) == {"": "cuda:1"}
    assert placement("cpu", "auto") == {"": "cpu"}, "though a GPU is there"


def test_unusable_device_maps(checkpoint: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint("llava_onevision")
    with pytest.raises(UserError, match="device_map='all'; use auto or balanced or sequential"):
        check_mllm(f"{folder}[device_map=all]")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(UserError, match="device_map=auto spreads it over all GPUs"):
        check_mllm(f"{folder}[device_map=auto]", "cuda:1")
