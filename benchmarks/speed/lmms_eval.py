"""Case 4 against lmms-eval: questions per second of one local task, with one model for both.

The model is the reference MLLM behind a local server with OpenAI's API, which lmms-eval's own
`openai` model asks, and ours. lmms-eval is measured as it is (the simple interface, PNGs) and at
its fastest: its chat interface with JPEGs, mended, since it keeps encoded frames by `id(image)` and
so sends some in the place of others. What the server is shown is compared before the timing.

python -m benchmarks.speed.lmms_eval
"""

from __future__ import annotations

import argparse
import base64
import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import tspo_bench
from benchmarks.speed.measure import compare, write_result
from benchmarks.speed.task import CLIP
from tests.lmms.local_task import write_task
from tests.mllms.servers import Body, ChatServer, completion
from tspo_bench.files import CACHE_VARIABLE
from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.mllms import load_mllm
from tspo_bench.mllms.jpeg_urls import QUALITY, jpeg_url
from tspo_bench.types import Answer, Frames, Prompt, Request

PER_VIDEO = (1, 3, 15)  # questions
K = 8
RATE, KEYFRAME_INTERVAL = 30, 240  # frames a second, frames
# qwen-vl-utils, the chat interface's reader, makes sides multiples of 28 and rounds frame numbers
# where the others truncate: these sides and `make_videos`'s lengths leave nothing to do.
WIDTH, HEIGHT = 644, 364
NAME = "reference"
JPEG = {"LMMS_IMAGE_ENCODE_FORMAT": "JPEG", "LMMS_IMAGE_JPEG_QUALITY": str(QUALITY)}
LMMS_EVAL, CHAT, MENDED, OURS = (
    "lmms-eval",
    "lmms-eval, chat, JPEGs",
    "lmms-eval, chat, JPEGs, mended",
    "ours",
)
Replies = dict[str, str]  # by question
Way = Callable[[str, str], Replies]  # of a task's name and a server's URL


def make_videos(folder: Path, count: int, seconds: int) -> list[Path]:
    """Videos of about so many seconds, looped from one clip, each from another keyframe on."""
    step = KEYFRAME_INTERVAL // RATE
    source = f"ffmpeg -v error -stream_loop -1 -i {CLIP} -an -t {seconds + count * step} -r {RATE}"
    encoding = f"-c:v libx264 -preset veryfast -bf 3 -g {KEYFRAME_INTERVAL} -sc_threshold 0"
    whole, scale = folder / "whole.mp4", f"-vf scale={WIDTH}:{HEIGHT}"
    subprocess.run([*f"{source} {scale} {encoding}".split(), str(whole)], check=True)
    videos = [folder / f"video{number}.mp4" for number in range(count)]
    frames = seconds * RATE // (K - 1) * (K - 1) + 1
    for number, video in enumerate(videos):
        cut = f"ffmpeg -v error -ss {number * step} -i {whole} -frames:v {frames} -c copy {video}"
        subprocess.run(cut.split(), check=True)
    return videos


def write_questions(tasks: Path, videos: Sequence[Path], per_video: int) -> str:
    """A task with so many questions a video; its name."""
    rng = np.random.default_rng(0)
    docs = []
    for video in videos:
        for number in range(per_video):
            thing, *options = map(str, rng.choice(PICTOGRAMS, 5, replace=False))
            asked = {"question_id": f"{video.stem}-{number}", "video": str(video)}
            asked |= {"question": f"What comes after the {thing} ?", "task_type": "films"}
            docs.append({**asked, "options": options, "answer": "A"})
    write_task(tasks, f"questions{per_video}", docs)
    return f"questions{per_video}"


class ReferenceServer(ChatServer):
    """Replies as the reference MLLM; `shown` are the frames by prompt, as JPEG data URLs."""

    def __init__(self, is_recorded: bool) -> None:
        super().__init__(self._reply, [NAME])
        self._model = load_mllm(NAME, "cpu", 1)
        self._is_recorded = is_recorded
        self.shown: dict[str, list[str]] = {}

    def _reply(self, body: Body, number: int) -> Body:
        del number
        self.asked.clear()  # they hold the frames
        parts = [part for message in body["messages"] for part in message["content"]]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        pixels = np.stack([np.asarray(_image(url)) for url in urls])
        words = "".join(part["text"] for part in parts if part["type"] == "text")
        indices, prompt = np.arange(len(urls)), Prompt(words, max_new_tokens=body["max_tokens"])
        frames = Frames(indices, indices.astype(np.float64), pixels)
        with self.lock:
            [answer] = self._model.answer([Request(frames, prompt, 1.0, "ABCD")])
        assert isinstance(answer, Answer), answer
        if self._is_recorded:
            self.shown[words] = [
                url if url.startswith("data:image/jpeg") else jpeg_url(frame, QUALITY)
                for url, frame in zip(urls, pixels, strict=True)
            ]
        return completion(answer.text)


def _image(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def _serve(connection: Connection) -> None:
    """Serve until killed; sends the URL."""
    torch.set_num_threads(1)
    with ReferenceServer(is_recorded=False) as server:
        connection.send(server.url)
        time.sleep(1e6)


@contextmanager
def served() -> Iterator[str]:
    """The URL of a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(sender,))
    process.start()
    try:
        yield receiver.recv()
    finally:
        process.kill()
        process.join()


def ask_lmms_eval(tasks: Path, name: str, url: str, *, chat: bool = False) -> Replies:
    """Evaluate by lmms-eval's own model for servers."""
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    found: Any = simple_evaluate(
        model="openai",
        model_args=_their_model(url),
        tasks=[name],
        task_manager=TaskManager("ERROR", str(tasks), include_defaults=False),
        bootstrap_iters=0,
        force_simple=not chat,
    )
    samples = found["samples"][name]
    return {sample["doc"]["question_id"]: sample["filtered_resps"][0] for sample in samples}


def ask_chat(tasks: Path, name: str, url: str, *, mended: bool) -> Replies:
    """Evaluate by its chat interface with JPEGs as ours; `mended`: it keeps no encoded frames."""
    from lmms_eval.protocol import ChatMessages

    encode = ChatMessages.encode_image
    os.environ.update(JPEG)
    if mended:
        ChatMessages.encode_image = lambda self, image, kept, *form: encode(
            self, image, None, *form
        )
    try:
        return ask_lmms_eval(tasks, name, url, chat=True)
    finally:
        ChatMessages.encode_image = encode
        for variable in JPEG:
            del os.environ[variable]


def _their_model(url: str) -> str:
    return f"model={NAME},base_url={url},api_key=none,max_frames_num={K}"


def _our_task(tasks: Path, name: str) -> str:
    return f"lmms:{name}[include={tasks}]"


def _our_model(url: str) -> str:
    return f"openai:{NAME}[base_url={url},times=none]"  # lmms-eval sends no times


def ask_ours(tasks: Path, name: str, url: str) -> Replies:
    """Evaluate the same task by `tspo_bench.evaluate`, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = f"{folder}/cache"
        task, model, out = _our_task(tasks, name), _our_model(url), f"{folder}/run"
        result = tspo_bench.evaluate(task, "uniform", model, K, device="cpu", out=out)
        return {r.question_id: r.reply or "" for cell in result.cells for r in cell.records}


def check(ways: Mapping[str, Way], name: str) -> dict[str, Any]:
    """Compare prompts, frames and replies with ours; the shares of equal questions.

    Raises:
        SystemExit: a way that is to be timed shows other prompts or frames, or, where these came in
            the same bytes, replies otherwise.
    """
    shown, replies = {}, {}
    with ReferenceServer(is_recorded=True) as server:
        for way, ask in ways.items():
            server.shown = {}
            replies[way] = ask(name, server.url)
            shown[way] = server.shown
    shares = {}
    for way in ways:
        frames = [shown[way].get(prompt) == urls for prompt, urls in shown[OURS].items()]
        same = [replies[way][question] == reply for question, reply in replies[OURS].items()]
        shares[way] = {"equal_frames": np.mean(frames), "equal_replies": np.mean(same)}
        print(f"  {way}: frames {np.mean(frames):.0%} as ours, replies {np.mean(same):.0%}")
    if len(set(replies[OURS].values())) < 2:
        raise SystemExit("all replies are the same, which proves nothing")
    for way in (LMMS_EVAL, MENDED):
        if shares[way]["equal_frames"] < 1 or (way == MENDED and shares[way]["equal_replies"] < 1):
            raise SystemExit(f"{way} and ours do not answer about the same")
    return shares


def commands(tasks: Path, name: str, url: str) -> dict[str, Callable[[], object]]:
    """Both command lines, start-up included."""

    def run(*words: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, CACHE_VARIABLE: f"{folder}/cache", "HF_HUB_OFFLINE": "1"}
            subprocess.run(
                [*words, f"{folder}/out"], check=True, stdout=subprocess.DEVNULL, env=env
            )
            if not list(Path(folder, "out").rglob("*.json")):  # lmms-eval ends with 0 anyway
                raise SystemExit(f"{words[0]} left no results")

    theirs = f"{sys.executable} -m lmms_eval --model openai --model_args {_their_model(url)}"
    theirs += f" --force_simple --tasks {name} --include_path {tasks} --output_path"
    ours = f"{Path(sys.executable).with_name('tspo-bench')} run --task {_our_task(tasks, name)}"
    ours += f" --sampler uniform --frames {K} --model {_our_model(url)} --device cpu --out"
    return {way: partial(run, *words.split()) for way, words in ((LMMS_EVAL, theirs), (OURS, ours))}


def time_ways(
    ways: Mapping[str, Callable[[], object]], questions: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """Time ways to answer so many questions."""
    cases = {}
    timings = compare(ways, rounds, warm_up=False)  # the check was
    for way, timing in timings.items():
        rate, gain = questions / timing.median, timing.median / timings[OURS].median
        cases[way] = {**timing.as_json(), "questions_per_second": round(rate, 3)}
        print(f"  {way:30} {rate:6.2f} questions/s (ours: {gain:.2f}x)")
    return cases


def main() -> None:
    """Check, then time as many questions about as many videos as they need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=15, help="in all, a multiple of 15")
    parser.add_argument("--seconds", type=int, default=300, help="of a video")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    cases: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["LMMS_EVAL_DATASETS_CACHE"] = str(folder / "datasets")
        videos, tasks = make_videos(folder, args.questions, args.seconds), folder / "tasks"
        names = {
            number: write_questions(tasks, videos[: args.questions // number], number)
            for number in PER_VIDEO
        }
        ways: dict[str, Way] = {
            LMMS_EVAL: partial(ask_lmms_eval, tasks),
            CHAT: partial(ask_chat, tasks, mended=False),
            MENDED: partial(ask_chat, tasks, mended=True),
            OURS: partial(ask_ours, tasks),
        }
        cases["equal"] = check(ways, names[1])
        del ways[CHAT]
        with served() as url:
            for number, name in names.items():
                print(f"{number} questions a video")
                asked = {way: partial(ask, name, url) for way, ask in ways.items()}
                case = time_ways(asked, args.questions, args.rounds)
                cases[f"{number} questions a video"] = case
            print("3 questions a video, command lines, start-up included")
            whole = time_ways(commands(tasks, names[3], url), args.questions, 1)
            cases["3 questions a video, with start-up"] = whole
    print(write_result("lmms_eval", {**vars(args), "k": K, "per_video": PER_VIDEO}, cases))


if __name__ == "__main__":
    main()
