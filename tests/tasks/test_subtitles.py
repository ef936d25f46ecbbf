"""The subtitles that go with frames, against lmms-eval's own functions, and how they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import make_video
from tests.tasks.test_subtitle_files import FONT, PLAIN
from tspo_bench.errors import UserError
from tspo_bench.tasks import AnnotatedTask, load_task, load_tasks
from tspo_bench.tasks.subtitles import (
    Subtitle,
    aligned,
    aligned_by_frame,
    interleaved,
    read_subtitles,
    within,
)

# Each example reads a file in the test's folder, which it writes first.
WITH_FILES = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100
)

times = st.floats(0, 60).map(lambda second: round(second, 3))
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)


def clock(seconds: float, comma: str = ".") -> str:
    whole = round(seconds * 1000)
    parts = f"{whole // 3600000:02d}:{whole // 60000 % 60:02d}:{whole // 1000 % 60:02d}"
    return f"{parts}{comma}{whole % 1000:03d}"


@st.composite
def longvideobench_items(draw: st.DrawFn) -> dict[str, Any]:
    """One item in either shape: of no length, below a second, without an end, overlapping."""
    start = draw(times)
    length = draw(st.sampled_from([0.0, 0.3, 0.999, 1.0, 1.001, 4.0]) | st.floats(0, 20))
    text = draw(words)
    if draw(st.booleans()):
        end = draw(st.sampled_from([start + length, None, round(start + length)]))
        return {"timestamp": [draw(st.sampled_from([start, int(start)])), end], "text": text}
    return {"start": clock(start), "end": clock(start + length), "line": text}


@pytest.fixture(scope="module")
def longvideobench() -> Any:
    """lmms-eval's module for LongVideoBench."""
    return pytest.importorskip("lmms_eval.tasks.longvideobench.utils")


@WITH_FILES
@given(
    items=st.lists(longvideobench_items(), max_size=12),
    offset=st.sampled_from([0, 7, 12.5]) | times,
    duration=st.floats(0.5, 60) | st.integers(1, 60),
    k=st.integers(1, 24),
)
def test_interleaving_is_lmms_evals(
    items: list[dict[str, Any]],
    offset: float,
    duration: float,
    k: int,
    longvideobench: Any,
    tmp_path: Path,
) -> None:
    """Byte for byte, unsorted files and ends that are no decimals too."""
    path = tmp_path / "en.json"
    path.write_text(json.dumps(items))
    seconds = longvideobench.compute_frame_timestamps(duration, k)
    found = read_subtitles(path, offset=offset, duration=duration)
    before, rest = interleaved(found, seconds, aligned(found, seconds))
    assert len(before) == len(seconds)
    ours = "".join(f"{text}<image>" for text in before) + rest
    theirs = longvideobench.insert_subtitles_into_frames(seconds, items, offset, duration)
    assert ours == theirs


@pytest.mark.slow
@WITH_FILES
@given(
    items=st.lists(longvideobench_items(), min_size=1, max_size=8), offset=st.sampled_from([0, 9])
)
def test_a_longvideobench_prompt_is_lmms_evals(
    items: list[dict[str, Any]],
    offset: int,
    longvideobench: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole of what is asked, from files where both look for them."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    root = tmp_path / "datasets" / "longvideobench"
    (root / "subtitles").mkdir(parents=True, exist_ok=True)
    (root / "subtitles" / "v_en.json").write_text(json.dumps(items))
    record = {
        "id": "v_0",
        "video_path": "v.mp4",
        "subtitle_path": "v_en.json",
        "question": "Who sings?",
        "candidates": ["He", "She"],
        "correct_choice": 0,
        "duration": 40.5,
        "starting_timestamp_for_subtitles": offset,
        "duration_group": 60,
        "question_category": "S2E",
        "level": "L1",
        "topic_category": "NP",
    }
    (root / "lvb_val.json").write_text(json.dumps([record]))
    task = load_task("longvideobench", data_root=root, protocol="lmms-eval", subtitles="aligned")
    (question,) = task.questions()
    seconds = longvideobench.compute_frame_timestamps(question.duration_seconds, 16)
    prompt = task.prompt(question, seconds)
    asked = "".join(f"{text}<image>" for text in prompt.before) + prompt.text
    hub = {"option0": "He", "option1": "She", **{f"option{i}": "N/A" for i in (2, 3, 4)}}
    kwargs = longvideobench._load_task_config("longvideobench_val_i.yaml")[
        "lmms_eval_specific_kwargs"
    ]["default"]
    assert asked == longvideobench.longvideobench_doc_to_text({**record, **hub}, kwargs)


@given(
    cues=st.lists(st.tuples(times, times), max_size=8),
    seconds=st.lists(times, max_size=12).map(sorted),
)
def test_alignment_against_a_naive_one(
    cues: list[tuple[float, float]], seconds: list[float]
) -> None:
    subtitles = [Subtitle(min(cue), max(cue), str(i)) for i, cue in enumerate(cues)]
    expected = []
    for one in subtitles:
        start, end = one.start, one.end
        if end - start < 1:
            start, end = (one.start + one.end) / 2 - 0.5, (one.start + one.end) / 2 + 0.5
        if any(start < second < end for second in seconds):
            expected.append(one)
    assert list(aligned(subtitles, seconds)) == expected


def test_all_subtitles_are_those_of_the_video() -> None:
    """A file can be of a longer recording, of which the video is a part."""
    told = [
        Subtitle(-5, -1, "a"),
        Subtitle(-1, 2, "b"),
        Subtitle(9, 12, "c"),
        Subtitle(10, 12, "d"),
    ]
    assert [one.text for one in within(told, 10)] == ["b", "c"]
    assert [one.text for one in within(told, None)] == ["b", "c", "d"]


@pytest.fixture(scope="module")
def videomme(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """lmms-eval's module for Video-MME, with one video of 12 s at 10 frames a second."""
    utils = pytest.importorskip("lmms_eval.tasks.videomme.utils")
    folder = tmp_path_factory.mktemp("hf")
    (folder / utils.cache_name / "data").mkdir(parents=True)
    (folder / utils.cache_name / "subtitle").mkdir()
    make_video(folder / utils.cache_name / "data" / "v.mp4", 120, width=32, height=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "base_cache_dir", str(folder))
        yield utils


DOC = {
    "question_id": "1-1",
    "videoID": "v",
    "question": "What is sung?",
    "options": ["A. Bach.", "B. Berg.", "C. Cage.", "D. Debussy."],
    "answer": "C",
    **dict.fromkeys(("duration", "domain", "sub_category", "task_type"), "short"),
}


def write_srt(path: Path, cues: Sequence[tuple[float, float, str]]) -> None:
    blocks = [
        f"{i}\n{clock(start, ',')} --> {clock(end, ',')}\n{FONT.format(text)}\n"
        for i, (start, end, text) in enumerate(cues, start=1)
    ]
    path.write_text("\n".join(blocks), encoding="utf-8")


@settings(WITH_FILES, max_examples=40)
@given(
    cues=st.lists(
        st.tuples(
            st.integers(0, 12000),
            st.integers(0, 3000),
            st.from_regex(r"[a-zäß&,.]{1,9}", fullmatch=True),
        ),
        min_size=1,
        max_size=10,
        unique_by=lambda cue: cue[0],
    ),
    k=st.integers(1, 20),
)
def test_a_videomme_prompt_is_lmms_evals(
    cues: list[tuple[int, int, str]], k: int, videomme: Any
) -> None:
    """For the same frames; lmms-eval puts the lines into the order of a set, ours is the file's."""
    root = Path(videomme.base_cache_dir) / videomme.cache_name
    told = [(start / 1000, (start + length) / 1000, text) for start, length, text in sorted(cues)]
    write_srt(root / "subtitle" / "v.srt", told)
    rows = [DOC, {**DOC, "question_id": "2", "videoID": "w"}]
    (root / "videomme.json").write_text(json.dumps(rows))
    seconds = [int(frame) / 10 for frame in videomme.np.linspace(0, 119, k, dtype=int)]
    for mode, kwargs in {
        "aligned": {"frame_num": k},
        "full": {"gemini_api_flag": "full subtitle"},
    }.items():
        task = load_task("videomme", data_root=root, protocol="lmms-eval", subtitles=mode)
        question, without = task.questions()
        ours = task.prompt(question, seconds, 10.0).text
        theirs = videomme.videomme_doc_to_text_subtitle(DOC, kwargs)
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
        if mode == "full":
            assert ours == theirs
        silent = task.prompt(without, seconds, 10.0)
        assert silent.notes == {"subtitles": "missing"}
        expected = videomme.videomme_doc_to_text_subtitle({**DOC, "videoID": "w"}, kwargs)
        assert silent.text == expected
        assert "No subtitles available" in expected
    shown = aligned_by_frame(read_subtitles(root / "subtitle" / "v.srt"), seconds, 10.0)
    assert [one.start for one in shown] == sorted(one.start for one in shown)


ROWS = [
    {"id": "a", "video": "film.mp4", "question": "What?", "options": ["x", "y"], "answer": "A"},
    {"id": "b", "video": "mute.mp4", "question": "Who?", "options": ["x", "y"], "answer": "B"},
]


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Any]:
    """Loads a custom task: a film with subtitles, and one whose file is not there."""
    rows = [{**row, "subtitles": row["video"].replace(".mp4", ".srt")} for row in ROWS]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "subtitles").mkdir()
    (tmp_path / "subtitles" / "film.srt").write_text(PLAIN)
    return lambda **given: load_task(str(tmp_path / "own.jsonl"), **given)


def test_strict_shows_them_before_the_question(own: Callable[..., Any]) -> None:
    heading = "This video's subtitles are listed below:\n"
    for mode, seconds, shown in [
        ("none", [1.5, 5.5], ""),
        ("full", [], f"{heading}Hello\nTwo lines\n"),
        ("aligned", [1.5, 5.5], f"{heading}Hello\nTwo lines\n"),
        ("aligned", [0.5, 5.5], f"{heading}Two lines\n"),
        ("aligned", [1.0, 2.5], ""),  # just outside: nothing to list
        ("aligned", [], ""),
    ]:
        task = own(subtitles=mode)
        film, mute = task.questions()
        plain = own().prompt(film).text
        prompt = task.prompt(film, seconds)
        assert (prompt.text, prompt.notes, prompt.before) == (shown + plain, {}, ())
        silent = task.prompt(mute, seconds)
        assert silent.text == own().prompt(mute).text
        assert silent.notes == ({} if mode == "none" else {"subtitles": "missing"})


def test_a_reworded_prompt_keeps_its_words(own: Callable[..., Any]) -> None:
    reworded = {"strict": {"prompt": "{text}\n{options}\nOnly the letter."}}
    rules = AnnotatedTask(name="x", protocols=reworded, subtitles="full").rules
    assert rules.prompt_for(own().questions()[0], "Hello").text == (
        "This video's subtitles are listed below:\nHello\nWhat?\nA. x\nB. y\nOnly the letter."
    )


def test_the_label_has_the_setting(own: Callable[..., Any]) -> None:
    labels = {mode: own(subtitles=mode).rules.label for mode in ("none", "aligned", "full")}
    assert labels["none"].startswith("strict@2#")
    assert labels["aligned"].startswith("strict@2+aligned#")
    assert labels["full"].startswith("strict@2+full#")
    assert len({label.partition("#")[2] for label in labels.values()}) == 3


def test_missing_subtitles(own: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'some'; use one of none, aligned, full"):
        own(subtitles="some")
    with pytest.raises(UserError, match="'haystack' has no subtitles; drop --subtitles aligned"):
        load_tasks(["haystack"], subtitles="aligned")
    mute = {"mute": {"version": "1", "prompt": "{text}"}}
    with pytest.raises(UserError, match=r"'mute' has no subtitles; .* another protocol: strict"):
        AnnotatedTask(name="x", protocols=mute, protocol="mute", subtitles="full")
    assert AnnotatedTask(name="x", protocols=mute, protocol="mute").rules.title == "mute@1"
    (tmp_path / "subtitles" / "film.srt").unlink()
    assert len(own().questions()) == 2
    with pytest.raises(UserError, match=r"no question has a subtitle file under .*subtitles,"):
        own(subtitles="aligned").questions()
    row = {"video": "film.mp4", "question": "What?", "options": ["a", "b"], "answer": "A"}
    (tmp_path / "none.jsonl").write_text(json.dumps(row))
    with pytest.raises(UserError, match="'none' has no subtitles: its annotations name none"):
        load_tasks([str(tmp_path / "none.jsonl")], subtitles="aligned")[0].questions()


def test_a_broken_file_names_itself(own: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "subtitles" / "film.srt").write_text("no subtitles")
    task = own(subtitles="aligned")
    with pytest.raises(UserError, match=r"film\.srt cannot be read"):
        task.prompt(task.questions()[0], [1.0])


def test_real_questions_name_their_files(real_data: Path) -> None:
    root = real_data / "annotations"
    lvb = load_task("longvideobench", data_root=root).questions()
    assert sum(question.subtitle_offset > 0 for question in lvb) == 250
    assert all((question.subtitles or "").endswith(".json") for question in lvb)
    names = {question.subtitles for question in load_task("videomme", data_root=root).questions()}
    assert len(names) == 900
