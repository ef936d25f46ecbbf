"""What both temporal agents share: their inputs and outputs, checks, and how they are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from huggingface_hub.constants import SAFETENSORS_SINGLE_FILE
from safetensors.torch import load_file
from torch import Tensor, nn

from tspo_bench.errors import UserError
from tspo_bench.types import Features

KIND_KEY = "kind"  # in config.json
_MOST = 100_000  # of anything that an agent counts


class TemporalAgent(nn.Module, PyTorchModelHubMixin, ABC, library_name="tspo-bench"):
    """Scores the frames of a video for a question: the policy of which K frames to look at.

    The constructor's arguments are what config.json holds; `save_pretrained`, `from_pretrained` and
    `push_to_hub` are huggingface_hub's. A subclass names its `kind`, takes these five arguments
    besides its own, and has `frame_scores`.

    Args:
        width: the encoder's feature width d.
        tau: the temperature: a policy's logits are scores / tau.
        encoder: the name of the encoder that the agent was trained with, as it was given.
        encoder_id: `FrameEncoder.id` of that encoder, which identifies its weights.
        recipe: what is known of its training, for the model card: `preset`, `rewards`, `frames` (K)
            and `command` (a list of words). Training sets it.

    Raises:
        UserError: an argument of another type, width below 1, or tau not above 0.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        width: int,
        tau: float,
        encoder: str | None = None,
        encoder_id: str | None = None,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_whole("width", width)
        check_text("encoder", encoder)
        check_text("encoder_id", encoder_id)
        check_recipe(recipe)
        self.tau = tau
        self.width = width
        self.encoder, self.encoder_id = encoder, encoder_id
        known = {} if recipe is None else {"recipe": dict(recipe)}
        settings = {name: value for name, value in self.settings.items() if name != "recipe"}
        self._hub_mixin_config = {**settings, **known, KIND_KEY: self.kind}

    @property
    def settings(self) -> dict[str, Any]:
        """What config.json holds: the constructor's arguments, and the agent's kind.

        Not called `config`: transformers' Trainer takes that of a model for one of its own.
        """
        return dict(cast(dict[str, Any], self._hub_mixin_config))

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What is known of its training; see the class."""
        return self.settings.get("recipe") or {}

    @recipe.setter
    def recipe(self, recipe: Mapping[str, Any]) -> None:
        check_recipe(recipe)
        self._hub_mixin_config = {**self.settings, "recipe": dict(recipe)}

    @property
    def tau(self) -> float:
        """The temperature: a policy's logits are scores / tau. Training changes it."""
        return self._tau

    @tau.setter
    def tau(self, tau: float) -> None:
        if isinstance(tau, bool) or not isinstance(tau, (int, float)) or not 0 < tau < _MOST:
            raise UserError(f"agent: tau={tau!r}; use a number above 0, and below {_MOST}")
        self._tau = float(tau)
        self._hub_mixin_config = {**self.settings, "tau": self._tau}

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return next(self.parameters()).device

    @abstractmethod
    def frame_scores(self, frames: Tensor, query: Tensor, lengths: Tensor | None) -> Tensor:
        """Scores [B, T] before tau of float32 frames [B, T, d] and queries [B, d].

        `lengths` [B] counts the frames of each row that exist. Those beyond are zeros and must not
        change the others' scores; what is given for them does not matter, but must be finite.
        """

    def forward(self, frames: Tensor, query: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Scores [B, T], float32, before tau; -inf beyond a row's length.

        Args:
            frames: the candidates' features [B, T, d], not normalised, in time order; beyond a
                row's length anything.
            query: the questions' features [B, d].
            lengths: [B], how many frames each row has; None where all have T.

        Raises:
            UserError: the features' width is not the agent's.
        """
        self._check_width(frames.shape[-1], query.shape[-1])
        padding = None
        if lengths is not None:
            lengths = lengths.to(frames.device)
            padding = torch.arange(frames.shape[1], device=frames.device) >= lengths[:, None]
            frames = frames.masked_fill(padding[..., None], 0)
        with torch.autocast(frames.device.type, enabled=False):
            scores = self.frame_scores(frames.float(), query.float(), lengths)
        return scores if padding is None else scores.masked_fill(padding, -torch.inf)

    def score(self, features: Features, text_features: Features) -> Features:
        """Scores [T] before tau of one video's frame features [T, d] and a text feature [1, d].

        Raises:
            UserError: the features' width is not the agent's.
        """
        frames = torch.from_numpy(features).to(self.device)
        query = torch.from_numpy(text_features.reshape(1, -1)).to(self.device)
        was_training = self.training
        self.eval()
        with torch.inference_mode():
            scores: Features = self(frames[None], query)[0].cpu().numpy()
        self.train(was_training)
        return scores

    def load_weights(self, weights: Mapping[str, Tensor], where: str) -> None:
        """Take over all parameters by name, as float32; `where` says what they come from.

        Raises:
            UserError: one is missing, is not one of the agent's, or has another shape.
        """
        own = {name: list(tensor.shape) for name, tensor in self.state_dict().items()}
        given = {name: list(tensor.shape) for name, tensor in weights.items()}
        for name in sorted(own.keys() | given.keys()):
            if own.get(name) != given.get(name):
                raise UserError(
                    f"agent weights {where}: {name} is {given.get(name, 'missing')}, but an agent "
                    f"{self.kind!r} of width {self.width} has {own.get(name, 'no such weight')}; "
                    "the checkpoint is incomplete or of another agent"
                )
        floats = {name: tensor.float() for name, tensor in weights.items()}
        self.load_state_dict(floats, assign=True)

    def generate_model_card(self, **known: Any) -> ModelCard:
        """The README.md that `save_pretrained` writes; see `agent.card.model_card`."""
        from tspo_bench.agent.card import model_card

        return model_card(self.settings, **known)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **arguments: Any) -> Self:
        """An agent from a folder or the hub: one of ours, or a checkpoint of TSPO's authors.

        `TemporalAgent.from_pretrained` takes agents of every kind, a subclass those of its own.

        Args:
            pretrained_model_name_or_path: a folder, a hub id, or the name of one in the package.
            arguments: huggingface_hub's (`revision`, `token`, ...), `map_location`, and arguments
                of the constructor that take the place of those stored.

        Raises:
            UserError: there is no such agent, it is of another kind, or cannot be loaded.
        """
        from tspo_bench.agent.checkpoint import load_pretrained

        return load_pretrained(cls, str(pretrained_model_name_or_path), **arguments)

    @classmethod
    def from_own_folder(cls, folder: Path, **arguments: Any) -> Self:
        """The agent that `save_pretrained` wrote: `PyTorchModelHubMixin.from_pretrained`."""
        return super().from_pretrained(folder, **arguments)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        **arguments: Any,
    ) -> Self:
        """The mixin's own would fill missing weights in at random, and fall back to a pickle."""
        path = Path(model_id) / SAFETENSORS_SINGLE_FILE
        if not Path(model_id).is_dir():
            downloaded = hf_hub_download(
                model_id,
                SAFETENSORS_SINGLE_FILE,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
            )
            path = Path(downloaded)
        with torch.device("meta"):  # whatever sizes config.json states: they are checked first
            agent = cls(**arguments)
        agent.load_weights(load_file(path), str(path))
        return agent.to(map_location).eval()

    def _check_width(self, frames: int, query: int) -> None:
        for name, width in (("frames", frames), ("question", query)):
            if width != self.width:
                made_for = f" (trained with encoder {self.encoder!r})" if self.encoder else ""
                raise UserError(
                    f"agent {self.kind!r} reads features of width {self.width}{made_for}, but "
                    f"those of the {name} have width {width}; use the agent's own encoder"
                )


def check_whole(name: str, value: object) -> None:
    """Check an argument that counts something.

    Raises:
        UserError: it is not a whole number, below 1, or larger than any agent has.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"agent: {name}={value!r}; use a whole number, 1 or more")
    if value > _MOST:
        raise UserError(f"agent: {name} is above {_MOST}; use a smaller number")


def check_text(name: str, value: object) -> None:
    """Check an argument that names something.

    Raises:
        UserError: it is neither None nor text that can be written.
    """
    if value is None or (isinstance(value, str) and _is_unicode(value)):
        return
    raise UserError(f"agent: {name}={value!r}; use text, or leave it out")


def check_recipe(recipe: object) -> None:
    """Check what is said of an agent's training.

    Raises:
        UserError: it is not a mapping of what `TemporalAgent` lists.
    """
    if recipe is None:
        return
    if not isinstance(recipe, Mapping):
        raise UserError(f"agent: recipe={recipe!r}; use an object of named fields")
    for name in ("preset", "rewards"):
        check_text(f"recipe.{name}", recipe.get(name))
    if recipe.get("frames") is not None:
        check_whole("recipe.frames", recipe["frames"])
    command = recipe.get("command") or []
    if not isinstance(command, list):
        raise UserError(f"agent: recipe.command={command!r}; use a list of words")
    for word in command:
        check_text("recipe.command", word)


def _is_unicode(text: str) -> bool:
    """Whether a text holds no half characters (lone surrogates), which no file can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_heads(width: int, heads: int) -> None:
    """Check that attention heads divide a width evenly.

    Raises:
        UserError: they do not.
    """
    check_whole("heads", heads)
    if width % heads:
        raise UserError(f"agent: heads={heads} do not divide width={width}; use a divisor of it")
