"""Data roots for the four benchmarks whose videos are links to the real clips.

`python -m tests.real DIR` makes them all, to run the commands of the README by hand.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from pathlib import Path

from tspo_bench.tasks import limit_questions, load_task

ANNOTATIONS = {
    "longvideobench": "longvideobench_val.json",
    "mlvu": "mlvu_dev.json",
    "videomme": "videomme.json",
}
FOLDERS = {"longvideobench": "videos", "mlvu": "video/any", "videomme": "videos", "lvbench": "."}
LVBENCH = Path(__file__).parent / "data" / "tasks" / "lvbench"


def make_data_root(name: str, folder: Path, real: Path, limit: int = 20) -> Path:
    """A folder with a benchmark's own annotations and a clip for each of its first questions."""
    root = folder / name
    videos = root / FOLDERS[name]
    videos.mkdir(parents=True)
    if name == "lvbench":
        shutil.copy(LVBENCH / "video_info.meta.jsonl", root)
    else:
        shutil.copy(real / "annotations" / ANNOTATIONS[name], root)
        (root / ANNOTATIONS[name]).chmod(0o644)
    annotations = None if name == "lvbench" else root / ANNOTATIONS[name]
    task = load_task(name, data_root=root, annotations=annotations)
    clips = itertools.cycle(sorted((real / "videos").iterdir()))
    for question in limit_questions(task.questions(), limit):
        link = videos / Path(question.video).name
        if not link.exists():
            link.symlink_to(next(clips))
    return root


def main() -> None:
    """Make all four under the folder given."""
    folder = Path(sys.argv[1])
    real = Path(__file__).parents[1] / ".." / "shared" / "real"
    for name in FOLDERS:
        root = make_data_root(name, folder, real.resolve())
        json.dump({name: str(root)}, sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
