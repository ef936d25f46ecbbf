"""tspo-bench as a model of lmms-eval: `--model tspo_bench`.

lmms-eval finds the classes by `manifest`, imports this module and builds one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, Self

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from loguru import logger

from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.lmms.answering import Answerer, HarnessRequest, Reply
from tspo_bench.lmms.fields import id_of, question_of
from tspo_bench.lmms.messages import Shown, cut, read_context, read_messages
from tspo_bench.types import CandidateRule

_OPTIONS = (
    "tspo_bench replies in words; for log-probabilities of the options' letters run "
    "`tspo-bench run --task lmms:NAME --answer options`"
)


class TspoBench(lmms):
    """Our samplers and MLLMs under lmms-eval's tasks, by its simple interface.

    A request whose video cannot be read, or that the MLLM does not answer, gets the empty reply.
    Their number is logged at the end, with the first reason.

    Args:
        model: the MLLM's spec: a preset's name, a folder or hub id, `openai:NAME[base_url=URL]`.
        sampler: selects the frames of videos ("uniform", "tspo", "aks[depth=5]", ...); images are
            shown as they are.
        frames: the frame budget K.
        encoder: image-text encoder of the sampler; None for the agent's own, or "reference".
        agent: that of the samplers tspo and tspo-q; None for those in the package.
        candidate_fps: candidate frames a second.
        candidates: the candidate rule: "auto", "stride" or "time".
        batch_size: requests that the MLLM answers at once.
        device: a torch device; None for CUDA if available (each process its own), else the CPU.
        seed: of random samplers.
        max_batch_size: passed by lmms-eval; must be None.

    Raises:
        UserError: an argument names something that does not exist, or they do not fit together.
    """

    is_simple = True

    def __init__(
        self,
        model: str = "reference",
        sampler: str = "uniform",
        frames: int = 8,
        encoder: str | None = None,
        agent: str | None = None,
        candidate_fps: float = 1.0,
        candidates: CandidateRule = "auto",
        batch_size: int | str = 1,
        device: str | None = None,
        seed: int = 0,
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        if not str(batch_size).isdecimal() or max_batch_size is not None:
            raise UserError(f"batch size {batch_size!r} is not a number; give batch_size=8, say")
        self.device = device or _process_device()
        self.batch_size = int(batch_size)
        self._answerer: Answerer | None = Answerer(
            model,
            sampler,
            frames,
            encoder=encoder,
            agent=agent,
            candidate_fps=candidate_fps,
            candidates=candidates,
            batch_size=self.batch_size,
            device=self.device,
            seed=seed,
        )

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
    ) -> Self:
        """Build the model; `--model_args` take precedence over --device and --batch_size."""
        own = {key: value for key, value in (additional_config or {}).items() if value is not None}
        return cls(**{**own, **simple_parse_args_string(arg_string)})

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """Return the reply to each request, in order, cut at its strings `until`."""
        if self._answerer is None:
            raise RuntimeError("lmms-eval has cleaned this model already")
        parsed = [self._parsed(request) for request in requests]
        _warn_of_sampling([generation for _, _, generation in parsed])
        lost: dict[int, Reply] = {}
        replies = iter(self._answerer.answer(self._with_media(parsed, lost)))
        all_replies = [lost.get(place) or next(replies) for place in range(len(parsed))]
        _warn_of_failures(all_replies)
        return [
            cut(reply.text, generation.get("until"))
            for reply, (_, _, generation) in zip(all_replies, parsed, strict=True)
        ]

    def _with_media(
        self, parsed: Sequence[Any], lost: dict[int, Reply]
    ) -> Iterator[HarnessRequest]:
        """Yield the requests with their media; those without theirs are put into `lost`."""
        for place, (doc, show, _) in enumerate(parsed):
            try:
                shown: Shown = show()
            except (SystemExit, OSError) as error:  # tasks exit if a video is missing
                lost[place] = Reply(error=f"{error}")
                continue
            question = question_of(doc, id_of(doc, str(place)), "", shown.prompt.text)
            yield HarnessRequest(question, shown)

    def _parsed(self, request: Instance) -> Any:
        """Return a request's document, a function for its prompt and media, and its settings."""
        context, generation, to_visual, doc_id, task, split = request.args
        doc = self.task_dict[task][split][doc_id]
        return doc, lambda: read_context(context, to_visual(doc), generation), generation

    def loglikelihood(self, requests: Sequence[Instance]) -> NoReturn:
        """Raise: not supported."""
        raise NotImplementedError(_OPTIONS)

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> NoReturn:
        """Raise: not supported."""
        raise NotImplementedError("tspo_bench answers one turn, not multi-round tasks")

    def clean(self) -> None:
        """Release the MLLM's memory, which a judge may need."""
        self._answerer = None
        super().clean()


class TspoBenchChat(TspoBench):
    """The same by the chat interface, which lmms-eval prefers."""

    is_simple = False

    def _parsed(self, request: Instance) -> Any:
        _, to_messages, generation, doc_id, task, split = request.args
        doc = self.task_dict[task][split][doc_id]
        return doc, lambda: read_messages(to_messages(doc), generation), generation


def _process_device() -> str:
    """Return the default device; with several processes, this process's GPU."""
    device, several = default_device(), int(os.environ.get("WORLD_SIZE", "1")) > 1
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and several else device


def _warn_of_sampling(generations: Sequence[Mapping[str, Any]]) -> None:
    if any(each.get("do_sample") or each.get("temperature") for each in generations):
        logger.warning("tspo_bench answers greedily: do_sample and temperature are ignored")


def _warn_of_failures(replies: Sequence[Reply]) -> None:
    failed = [reply.error for reply in replies if reply.error is not None]
    if failed:
        logger.warning(
            f"{len(failed)} of {len(replies)} requests have no answer, and the empty reply in its "
            f"place. First: {failed[0]}"
        )
