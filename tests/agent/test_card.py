"""The card of an agent: its training, rewards, licence, publication and validation figures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.cli.hf import app

from tspo_bench.agent.card import add_validation
from tspo_bench.agent.paper_agent import PaperAgent

COMMAND = ["tspo-bench", "train", "--task", "haystack[length=1min]", "--name", "it's my own"]
RECIPE = {"preset": "haystack", "rewards": "answer,coverage", "frames": 8, "command": COMMAND}


def block(card: str, heading: str) -> str:
    """The command under a heading."""
    found = re.search(rf"## {heading}\n(?:.*\n)?```\n(.*)\n```", card)
    assert found is not None
    return found[1]


def saved(folder: Path, recipe: dict[str, object] | None = None) -> Path:
    agent = PaperAgent(16, encoder="clip")
    if recipe is not None:
        agent.recipe = recipe
    agent.save_pretrained(folder)
    return folder


def test_a_card_describes_the_training_and_its_licence(tmp_path: Path) -> None:
    path = saved(tmp_path, RECIPE) / "README.md"
    card = path.read_text()
    data = ModelCard.load(path).data
    assert (data.license, data.library_name) == ("apache-2.0", "tspo-bench")
    assert shlex.split(block(card, "Training")) == COMMAND
    for row in ("encoder | clip", "preset of the training | haystack", "rewards | answer,coverage"):
        assert f"| {row} |" in card
    assert "| frame budget in training (K) | 8 |" in card
    assert "not known" not in card.replace("| encoder id | not known |", "")


def test_a_card_stays_when_an_agent_is_saved_again_or_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = saved(tmp_path / "first", RECIPE), tmp_path / "again"
    PaperAgent.from_pretrained(first).save_pretrained(again)
    for name in ("config.json", "README.md", "model.safetensors"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    pushed: dict[str, str] = {}

    def upload(self: object, *, folder_path: Path, **_: object) -> str:
        pushed.update({path.name: path.read_text("latin-1") for path in folder_path.iterdir()})
        return "url"

    monkeypatch.setattr("huggingface_hub.HfApi.upload_folder", upload)
    monkeypatch.setattr(
        "huggingface_hub.HfApi.create_repo",
        lambda self, repo_id, **_: type("Repo", (), {"repo_id": repo_id}),
    )
    PaperAgent.from_pretrained(again).push_to_hub("owner/mine")
    assert pushed["README.md"] == (first / "README.md").read_text()


def test_the_cards_command_uploads_the_agent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read by huggingface_hub's own command line; nothing is sent."""
    program, *words = shlex.split(block((saved(tmp_path) / "README.md").read_text(), "Publish"))
    sent: dict[str, object] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "huggingface_hub.HfApi.create_repo",
        lambda self, repo_id, **_: type("Repo", (), {"repo_id": repo_id}),
    )
    monkeypatch.setattr(
        "huggingface_hub.HfApi.upload_folder", lambda self, **given: sent.update(given)
    )
    app.main(words, standalone_mode=False)
    assert program == "hf"
    assert sent["repo_id"] == "OWNER/NAME"
    assert sent["folder_path"] == "."
    assert sent["allow_patterns"] == ["README.md", "config.json", "model.safetensors"]


def test_validation_figures_are_replaced(tmp_path: Path) -> None:
    card = (saved(tmp_path, RECIPE) / "README.md").read_text()
    for figures in ("first", "| second |"):
        add_validation(tmp_path, figures)
    assert (tmp_path / "README.md").read_text() == f"{card}\n## Validation\n| second |\n"


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ("answer", "Rewarded with answer: for right answers alone, with no annotation of frames."),
        ("answer-released,temporal", "answer-released,temporal: temporal reads where the evidence"),
        ("answer,my_reward:spread", "Rewarded with answer,my_reward:spread; my_reward:sp"),
        (None, "Rewards: not known."),
    ],
)
def test_a_card_states_the_rewards(rewards: str | None, said: str, tmp_path: Path) -> None:
    recipe = None if rewards is None else {"rewards": rewards}
    assert said in (saved(tmp_path, recipe) / "README.md").read_text()
