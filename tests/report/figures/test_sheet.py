"""Contact sheets: every shape of selection gives an image that shows its frames."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tspo_bench.errors import UserError
from tspo_bench.report import draw_sheet
from tspo_bench.report.figures.sheet import _arrange, clock
from tspo_bench.types import Frames


def make_frames(n: int, width: int = 160, height: int = 90, colour: int = 200) -> Frames:
    pixels = np.zeros((n, height, width, 3), np.uint8)
    pixels[..., 1] = colour  # green: no other part of the sheet is
    return Frames(np.arange(n), np.arange(n) * 7.5, pixels)


def draw(frames: Frames, path: Path, scored: bool = True, title: str = "What?") -> np.ndarray:
    seconds = np.arange(0, 600.0) if scored else None
    draw_sheet(
        frames,
        title=title,
        seconds=seconds,
        scores=None if seconds is None else np.sin(seconds / 30).astype(np.float32),
        duration_seconds=600.0,
        path=path,
    )
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def green_areas(image: np.ndarray) -> int:
    from scipy.ndimage import label

    green = (image[..., 1] > 190) & (image[..., 0] < 20) & (image[..., 2] < 20)
    return int(label(green)[1])


@pytest.mark.parametrize(
    ("n", "size"), [(1, (160, 90)), (5, (90, 160)), (8, (100, 100)), (64, (160, 90))]
)
def test_all_frames_are_on_the_sheet(tmp_path: Path, n: int, size: tuple[int, int]) -> None:
    image = draw(make_frames(n, *size), tmp_path / "sheet.png", scored=n % 2 == 0)
    assert green_areas(image) == n
    assert image.shape[0] < 2000
    assert (image[[0, -1]] == 255).all()  # nothing runs over the edge
    assert (image[:, [0, -1]] == 255).all()


def test_the_curve_is_drawn_where_there_are_scores(tmp_path: Path) -> None:
    def blue(image: np.ndarray) -> int:
        return int((abs(image - [0x30, 0x63, 0x8E]).sum(-1) < 12).sum())

    assert blue(draw(make_frames(3), tmp_path / "scored.png")) > 500
    assert blue(draw(make_frames(3), tmp_path / "plain.png", scored=False)) == 0


def test_the_picks_are_marked(tmp_path: Path) -> None:
    def red(image: np.ndarray) -> np.ndarray:
        return (abs(image - [0xD1, 0x49, 0x5B]).sum(-1) < 12)[:450].sum(0)

    frames = make_frames(2)
    frames = Frames(frames.indices, np.array([150.0, 450.0]), frames.pixels)
    columns = np.flatnonzero(red(draw(frames, tmp_path / "sheet.png", scored=False)) >= 8)
    width, margin = 1440 - 2 * 48, 48
    assert columns.min() == pytest.approx(margin + width * 0.25, abs=6)
    assert columns.max() == pytest.approx(margin + width * 0.75, abs=6)


@pytest.mark.parametrize(
    "title", ["", "Does it cost $5 or $6_a^b?", "very " * 120 + "long?", "line\nbreaks\n"]
)
def test_any_title(tmp_path: Path, title: str) -> None:
    image = draw(make_frames(2), tmp_path / "sheet.png", title=title)
    assert green_areas(image) == 2
    assert (image[:, [0, -1]] == 255).all()


@pytest.mark.parametrize("n", [0, 1])
def test_a_video_of_no_length(tmp_path: Path, n: int) -> None:
    """No frame and no score; one of each."""
    path = tmp_path / "sheet.png"
    scores = {
        "seconds": np.zeros(n) if n else None,
        "scores": np.ones(n, np.float32) if n else None,
    }
    draw_sheet(make_frames(n), title="x", duration_seconds=0.04 * n, path=path, **scores)
    assert green_areas(np.asarray(Image.open(path).convert("RGB")).astype(int)) == n


def test_formats(tmp_path: Path) -> None:
    draw(make_frames(1), tmp_path / "sheet")
    assert (tmp_path / "sheet").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet"]
    with pytest.raises(UserError, match="unknown image format 'mp3'"):
        draw(make_frames(1), tmp_path / "sheet.mp3")


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(UserError, match="cannot make folder"):
        draw(make_frames(1), tmp_path / "folder" / "sheet.png")


@pytest.mark.parametrize("aspect", [9 / 16, 1.0, 4 / 3, 16 / 9, 2.4])
def test_grids_have_room_for_all_and_no_empty_row(aspect: float) -> None:
    for n in range(1, 65):
        grid = _arrange(n, aspect)
        assert grid.columns * (grid.rows - 1) < n <= grid.columns * grid.rows
        assert grid.height < 14


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [
        (0, 0, "0:00"),
        (59.96, 1, "1:00.0"),
        (59.94, 1, "0:59.9"),
        (754.24, 1, "12:34.2"),
        (3723.4, 1, "1:02:03.4"),
        (3600, 0, "1:00:00"),
    ],
)
def test_clock(seconds: float, digits: int, text: str) -> None:
    assert clock(seconds, digits) == text
