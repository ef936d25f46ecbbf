"""Ask ffprobe for the time of every frame of the test clips: run once, the JSON is committed.

python -m tests.video.write_frame_times
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from tests.conftest import REAL
from tests.video.clips import COUNTS, WITHOUT_TIMES, make_clip
from tests.video.conftest import TIMES


def frame_times(path: Path) -> list[float]:
    """The frames' times by decoding the file with the ffprobe command."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"]
    entries = ["-show_entries", "frame=pts_time", str(path)]
    done = subprocess.run([*command, *entries], capture_output=True, text=True, check=True)
    return [float(line.strip(",")) for line in done.stdout.split()]


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        made = [make_clip(Path(folder) / name) for name in COUNTS if name not in WITHOUT_TIMES]
        paths = [*made, *sorted((REAL / "videos").iterdir())]
        times = {path.name: frame_times(path) for path in paths}
    lines = [f"{json.dumps(name)}: {json.dumps(seconds)}" for name, seconds in times.items()]
    TIMES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
