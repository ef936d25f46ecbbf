"""The base of both temporal agents: inputs and outputs, checks, and storage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from huggingface_hub.constants import SAFETENSORS_SINGLE_FILE
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load_file
from torch import Tensor, nn

from tspo_bench.errors import UserError
from tspo_bench.types import Features
from tspo_bench.validation import plain

KIND_KEY = "kind"  # in config.json

Part = Literal["query", "position", "attention", "film", "bias", "echo"]
Whole = Annotated[int, Field(ge=1, le=100_000)]
Text = Annotated[str, AfterValidator(lambda text: text.encode() and text)]


class Recipe(BaseModel):
    """The known facts of a training; others may stand beside them."""

    model_config = ConfigDict(strict=True)
    preset: Text | None = None
    rewards: Text | None = None
    frames: Whole | None = None
    command: list[Text] | None = None


class Arguments(BaseModel):
    """Arguments of agents' constructors, each with its bounds."""

    model_config = ConfigDict(strict=True, extra="forbid")
    width: Whole = 1
    tau: Annotated[float, Field(gt=0, lt=100_000)] = 1.0
    encoder: Text | None = None
    encoder_id: Text | None = None
    recipe: Recipe | None = None
    hidden: Whole = 1
    window: Whole = 1
    heads: Whole = 1
    layers: Annotated[int, Field(ge=1, le=100)] = 1
    without: list[Part] | None = None


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
        recipe: known facts of its training, for the card: `preset`, `rewards`, `frames` (K)
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
        known = {} if recipe is None else {"recipe": recipe}
        check_arguments(width=width, encoder=encoder, encoder_id=encoder_id, **known)
        self.tau = tau
        self.width = width
        self.encoder, self.encoder_id = encoder, encoder_id
        settings = {name: value for name, value in self.settings.items() if name != "recipe"}
        self._hub_mixin_config = {**settings, **known, KIND_KEY: self.kind}

    @property
    def settings(self) -> dict[str, Any]:
        """The content of config.json: the constructor's arguments, and the agent's kind.

        Not called `config`: transformers' Trainer takes that of a model for one of its own.
        """
        return dict(cast(dict[str, Any], self._hub_mixin_config))

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The known facts of its training; see the class."""
        return self.settings.get("recipe") or {}

    @recipe.setter
    def recipe(self, recipe: Mapping[str, Any]) -> None:
        check_arguments(recipe=recipe)
        self._hub_mixin_config = {**self.settings, "recipe": dict(recipe)}

    @property
    def tau(self) -> float:
        """The temperature: a policy's logits are scores / tau. Training changes it."""
        return self._tau

    @tau.setter
    def tau(self, tau: float) -> None:
        check_arguments(tau=tau)
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

    def generate_model_card(self, **_: Any) -> ModelCard:
        """The README.md that `save_pretrained` writes; see `agent.card.model_card`."""
        from tspo_bench.agent.card import model_card

        return model_card(self.settings)

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
        with torch.device("meta"):  # no memory for the sizes of config.json before they are checked
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


def check_arguments(**arguments: Any) -> None:
    """Check arguments of an agent's constructor by `Arguments`.

    Raises:
        UserError: one is of another type, or out of range.
    """
    try:
        Arguments(**arguments)
    except ValidationError as error:
        raise UserError(f"agent: {plain(error)}") from error


def check_heads(width: int, heads: int) -> None:
    """Check that attention heads divide a width evenly.

    Raises:
        UserError: they do not.
    """
    check_arguments(heads=heads)
    if width % heads:
        raise UserError(f"agent: heads={heads} do not divide width={width}; use a divisor of it")
