"""What a page is told: figures, the index of questions, details, curves, texts, its folder."""

from __future__ import annotations

import base64
import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.html.conftest import NUM_QUESTIONS, Made
from tests.report.html.support import (
    SAMPLERS,
    TOLERANCE,
    Pictures,
    groups,
    is_right,
    question_id,
    questions,
    shown_frame,
    write_crowd,
    write_run,
)
from tspo_bench.errors import UserError
from tspo_bench.report.html import write_html
from tspo_bench.report.html.figures import Comparison, comparison_of, depth_maps, pareto_front
from tspo_bench.report.html.folder import PageFolder, data_script
from tspo_bench.report.html.leaderboard import board_of
from tspo_bench.report.html.panels import category_figure, depth_figure
from tspo_bench.report.html.questions import SHARD_BYTES, curve_of
from tspo_bench.report.html.static import budget_figure
from tspo_bench.report.html.styles import styles_of
from tspo_bench.report.html.texts import harmless, snippet
from tspo_bench.report.html.training import read_curves
from tspo_bench.report.standings import standings_of
from tspo_bench.report.summary import summarise
from tspo_bench.results import CandidateScores, read_scores


def data(folder: Path, name: str) -> Any:
    """What a data file hands over."""
    text = (folder / "data" / f"{name}.js").read_text(encoding="ascii")
    start = f'tspoBench.give("{name}",'
    assert text.startswith(start)
    assert text.endswith(");\n")
    return json.loads(text[len(start) : -3])


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12))
def test_the_front_is_what_no_point_beats(points: list[tuple[float, float]]) -> None:
    def is_beaten(one: tuple[float, float]) -> bool:
        return any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points)

    front = pareto_front(points)
    assert {points[place] for place in front} == {p for p in points if not is_beaten(p)}
    assert len({points[place] for place in front}) == len(front)
    assert [points[place][0] for place in front] == sorted(points[place][0] for place in front)


def test_maps_pool_tasks_of_other_lengths(made: Made) -> None:
    first, second = depth_maps(made.cells)
    assert (first.budget, second.budget) == ("4", "8")
    assert second.lengths == ("2min",)
    assert second.depths == ("0-20%", "20-40%", "40-60%", "60-80%", "80-100%")
    for place, name in enumerate(SAMPLERS):
        for row, depth in enumerate(first.depths):
            asked = [n for n in range(NUM_QUESTIONS) if groups(n)["depth"] == depth]
            right = [n for n in asked if is_right(place, 4, n) and not (place == 1 and n % 20 == 6)]
            ((n, share),) = first.shares[name][row]
            assert (n, share) == (len(asked), pytest.approx(len(right) / len(asked)))
    # "second" asked uniform the same first six questions: they count once, with two answers.
    assert second.shares["uniform"][0][0][0] == first.shares["uniform"][0][0][0]


def test_maps_do_not_mix_what_was_asked(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    others: list[dict[str, Any]] = [{"limit": 6}, {"questions": "new"}, {"answer": "options"}]
    cells = [cell, *(replace(cell, settings={**cell.settings, **one}) for one in others)]
    longer = {"task": "longer", "questions": "of the longer ones"}
    cells.append(replace(cell, settings={**cell.settings, **longer}))
    maps = depth_maps(cells)
    assert len(maps) == 4, "the longer task stands with the first"
    assert [one.title.partition(", strict@1")[2] for one in maps] == [
        *("", ", 6 questions a task", "", "")
    ]


def test_figures_are_those_of_the_table(made: Made) -> None:
    figures = data(made.folder, "figures")
    comparison = figures["comparisons"][0]
    assert comparison["budgets"] == ["4", "8"]
    bars = {(bar["name"], bar["budget"]): bar for bar in comparison["bars"]}
    for place, name in enumerate(SAMPLERS):
        for k in (4, 8):
            bar = bars[name, str(k)]
            right = [is_right(place, k, n) for n in range(NUM_QUESTIONS)]
            if place != 1:
                assert bar["accuracy"] == pytest.approx(sum(right) / NUM_QUESTIONS)
            assert bar["frames"] == k
            assert bar["costs"]["seconds"] == pytest.approx(0.05 * k + 0.01 * place)
            assert bar["costs"]["frames decoded"] == k + 120 * (place > 0)
            assert bar["is_bound"] == (name == "oracle")
    front = [comparison["bars"][place]["name"] for place in comparison["fronts"]["seconds"]]
    assert "oracle" not in front
    assert figures["training"][0]["name"] == "agent/seed-0"
    assert figures["training"][0]["curves"]["reward"] == [[step, step / 10] for step in range(20)]


def test_the_index_and_the_details_agree_with_the_records(made: Made) -> None:
    index = data(made.folder, "set0")
    assert index["tolerance"] == TOLERANCE
    assert [column["sampler"] for column in index["columns"]] == [n for n in SAMPLERS for _ in "48"]
    assert [column["budget"] for column in index["columns"]] == ["4", "8"] * len(SAMPLERS)
    by_place: dict[int, Any] = {}
    for shard in {question[2] for question in index["questions"]}:
        content = data(made.folder, f"set0-{shard}")
        assert len(content) == 1 or len(json.dumps(content)) < SHARD_BYTES + 50_000
        by_place |= {int(place): details for place, details in content.items()}
    assert sorted(by_place) == list(range(NUM_QUESTIONS))
    for column, cell in enumerate(c for c in made.cells if c.settings["task"] == "made-up"):
        scores = read_scores(cell.folder / "scores.jsonl")
        for record in cell.records:
            place = int(record.question_id[2:])
            assert index["questions"][place][0] == record.question_id
            answer = next(a for a in by_place[place]["answers"] if a["column"] == column)
            assert answer["frames"] == list(record.frames)
            assert answer["recall"] == record.evidence_recall
            assert index["marks"][column][place] == answer["mark"]
            assert (answer["mark"] == "1") == record.correct
            if record.question_id in scores:
                curve = by_place[place]["curves"][answer["curve"]]
                levels = np.frombuffer(base64.b64decode(curve["levels"]), np.uint8)
                np.testing.assert_array_equal(levels, scores[record.question_id].levels)
            else:
                assert "curve" not in answer
    values = index["groups"][0][1]
    assert [values[question[3][0]] for question in index["questions"]] == [
        groups(n)["type" if index["groups"][0][0] == "type" else "depth"]
        for n in range(NUM_QUESTIONS)
    ]


def test_very_many_scores_are_drawn_by_the_highest_of_neighbours() -> None:
    values = np.array([random.Random(n).random() for n in range(3601)])
    values[100:140] = np.nan
    scores = CandidateScores.of("q", values, 1.0)
    assert scores is not None
    curve = curve_of(scores)
    levels = np.frombuffer(base64.b64decode(curve["levels"]), np.uint8)
    assert curve["interval"] == 5
    assert len(levels) == 721
    for place in range(721):
        own = [level for level in scores.levels[5 * place : 5 * place + 5] if level != 255]
        assert levels[place] == (max(own) if own else 255)


def test_texts() -> None:
    assert harmless("a\r\nb\tc <b> é 中") == "a\nb\tc <b> é 中"
    assert harmless("\u202ex\u2069\x1b\x00\ud800\x85\u200f") == (
        r"\u202ex\u2069\x1b\x00\ud800\x85\u200f"
    )
    assert snippet("one\n\n two " * 9, 12) == "one two one…"
    assert len(snippet("x" * 10**7, 140)) == 140


def test_data_scripts_hold_no_markup() -> None:
    content = {"text": "</script><!--\u2028\U0001f600\udcff é"}
    text = data_script("x", content)
    assert text.isascii()
    assert "<" not in text
    assert json.loads(text[len('tspoBench.give("x",') : -3]) == content


def test_folders_of_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds no report"):
        PageFolder(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        PageFolder(tmp_path / "file")


def test_a_page_takes_the_place_of_an_older_or_unfinished_one(tmp_path: Path) -> None:
    PageFolder(tmp_path / "html").write("thumbs/old/1.jpg", b"")  # and then the power went
    PageFolder(tmp_path / "html")
    assert not (tmp_path / "html" / "thumbs" / "old").exists()


def test_without_texts_and_with_lost_videos(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 6, samplers=("uniform",))
    source = Pictures(questions(6))
    source.lost = {"film-1.mp4"}
    write_html(cells, tmp_path / "html", source=source, thumbnails=6)
    index = data(tmp_path / "html", "set0")
    assert index["problems"] == ["1 of 2 videos cannot be shown: there is no film-1.mp4"]
    details = data(tmp_path / "html", "set0-0")
    assert details["0"]["thumbs"]["height"] == 90
    assert details["3"]["thumbs"] is None
    frames = {f for place in "012" for f in details[place]["answers"][0]["frames"]}
    assert details["0"]["thumbs"]["frames"] == sorted(frames)
    write_html(cells, tmp_path / "html")
    bare = data(tmp_path / "html", "set0-0")["0"]
    assert (bare["text"], bare["options"], bare["thumbs"]) == (None, [], None)
    assert list((tmp_path / "html" / "thumbs").iterdir()) == []


def test_names_in_figures_are_no_mathematics(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("$\\frac$",))
    records = [
        replace(one, groups={"depth": rf"$\frac{n}$", "length": "$x_{$", r"$\sqrt$": str(n)})
        for n, one in enumerate(cell.records)
    ]
    write_html([replace(cell, records=tuple(records))], tmp_path / "html")
    drawn = {path.stem for path in (tmp_path / "html" / "plots").iterdir()}
    assert {"depth-0", "category-0-0-0", "category-0-1-0", "budget-0"} <= drawn


def test_letters_are_harmless_and_short(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 1, samplers=("uniform",))
    record = replace(cell.records[0], gold="\u202e\x1b" + "x" * 9_000, letter="y\x00" * 9_000)
    write_html([replace(cell, records=(record,))], tmp_path / "html")
    details = data(tmp_path / "html", "set0-0")["0"]
    assert details["gold"] == r"\u202e\x1bxxxxxxxxx…"
    assert details["answers"][0]["letter"] == r"y\x00y\x00y\x00y\x00…"[:19] + "…"


def test_curves_of_agents_of_several_seeds(tmp_path: Path) -> None:
    for seed in range(3):
        folder = tmp_path / "mine" / f"seed-{seed}"
        folder.mkdir(parents=True)
        lines = [{"step": 1, "reward": 0.25 * seed}, {"step": 2, "entropy": 1.5}]
        lines += [{"step": 3, "reward": 0.5, "loss": None}]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    logs = read_curves(tmp_path / "mine")
    assert [log.name for log in logs] == [f"mine/seed-{seed}" for seed in range(3)]
    assert list(logs[1].curves["reward"]) == [(1, 0.25), (3, 0.5)]
    assert list(logs[1].curves["entropy"]) == [(2, 1.5)]
    (alone,) = read_curves(tmp_path / "mine" / "seed-1")
    assert alone.curves == logs[1].curves


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no log.jsonl"),
        ("", "holds no figures yet"),
        ('{"step": 1, "reward": 2.0}\n[3]\n', "line 2 is no line of a training log"),
    ],
)
def test_broken_training_logs(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "log.jsonl").write_text(content)
    with pytest.raises(UserError, match=message):
        read_curves(tmp_path)


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result to show"):
        write_html([], tmp_path / "html")
    assert not (tmp_path / "html").exists()
    cells = write_run(tmp_path / "run", 2, samplers=("uniform",))
    with pytest.raises(UserError, match="--thumbnails -1"):
        write_html(cells, tmp_path / "html", thumbnails=-1)


def test_pictures_stand_where_the_page_looks_for_them(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 6, samplers=("uniform", "clip-topk"), budgets=(64,))
    write_html(cells, tmp_path / "html", source=Pictures(questions(6)), thumbnails=6)
    thumbs = data(tmp_path / "html", "set0-0")["3"]["thumbs"]
    picked = {f for cell in cells for record in cell.records[3:] for f in record.frames}
    assert thumbs["frames"] == sorted(picked), "a frame that both picked is there once"
    assert len(picked) > thumbs["columns"] * thumbs["rows"], "more than one sheet"
    for frame in thumbs["frames"]:
        picture = shown_frame(tmp_path / "html", thumbs, frame).astype(int)
        assert np.abs(picture - frame * np.array([3, 5, 7]) % 256).mean() < 6


def crowd(tmp_path: Path) -> Comparison:
    return comparison_of(standings_of(write_crowd(tmp_path / "run", 12, 24))[0])


def test_many_samplers_are_told_apart_on_the_page_and_by_matplotlib(tmp_path: Path) -> None:
    comparison = crowd(tmp_path)
    styles = styles_of([comparison])
    assert len(styles) == 25
    for parts in (("colour", "marker"), ("colour", "dash")):
        others = [style for style in styles.values() if style.colour is not None]
        assert len({tuple(getattr(style, one) for one in parts) for style in others}) == 23
    neutral = {name for name, style in styles.items() if style.colour is None}
    assert neutral == {"uniform", "oracle"}
    assert styles["uniform"].marker != styles["oracle"].marker
    drawn = budget_figure(comparison, styles).axes[0].containers
    assert {str(one.get_label()): one[0].get_color() for one in drawn} == {
        name: style.hex for name, style in styles.items()
    }
    assert len({(one[0].get_color(), one[0].get_marker()) for one in drawn}) == 25


def test_a_sampler_looks_the_same_in_every_table(tmp_path: Path) -> None:
    cells = write_crowd(tmp_path / "run", 6, 9)
    other = [replace(c, settings={**c.settings, "task": "other"}) for c in cells[6:]]
    first, second = map(comparison_of, standings_of([*cells, *other]))
    assert first.names[:3] != second.names[:3], "others come first"
    styles = styles_of([first, second])
    assert set(styles) == {*first.names, *second.names}
    drawn = [budget_figure(one, styles).axes[0].containers for one in (first, second)]
    looks = [{str(c.get_label()): c[0].get_marker() for c in some} for some in drawn]
    assert looks[0].items() & looks[1].items() == {
        (name, looks[0][name]) for name in looks[0].keys() & looks[1].keys()
    }


def test_the_names_on_a_front_do_not_lie_upon_each_other(made: Made) -> None:
    comparison = comparison_of(standings_of(made.cells)[0])
    for measure, labels in comparison.labels.items():
        assert tuple(label.place for label in labels) == comparison.fronts[measure]
        for label in labels:
            bar = comparison.bars[label.place]
            assert label.text == f"{bar.name}, K = {bar.budget}"
            assert label.height > 100 * (bar.accuracy or 0)
        heights = [label.height for label in labels]
        assert all(b - a >= 5 for a, b in itertools.pairwise(heights))


def test_many_samplers_have_a_panel_for_each_category(tmp_path: Path) -> None:
    comparison = crowd(tmp_path)
    figure = category_figure(comparison, styles_of([comparison]), "type", "8")
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == [
        f"{kind} (n = 4)" for kind in comparison.groups["type"]
    ]
    for axes, kind in zip(shown, comparison.groups["type"], strict=True):
        dots = [line.get_xydata() for line in axes.lines if line.get_marker() != "None"]
        expected = [
            [100 * (bar.groups["type"][kind].accuracy or 0), row]
            for row, bar in enumerate(comparison.bars)
        ]
        np.testing.assert_allclose(np.concatenate(dots), expected)


def test_maps_say_how_many_questions_a_cell_has(made: Made, tmp_path: Path) -> None:
    uneven = depth_maps(made.cells)[0]  # 48 questions at five depths
    assert (uneven.counts, uneven.is_even) == ("n = 9 to 10 a cell", False)
    (even,) = depth_maps(write_run(tmp_path / "run", 10, samplers=("uniform", "oracle")))
    assert (even.counts, even.is_even) == ("n = 2 a cell", True)
    for one, in_cells in ((uneven, {"n = 9", "n = 10"}), (even, set())):
        figure = depth_figure(one)
        assert figure.get_suptitle() == f"K = {one.budget}, {one.counts}"
        texts = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert {text for text in texts if text.startswith("n =")} == in_cells


@pytest.mark.filterwarnings("error")
def test_figures_without_a_figure_warn_nobody(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    withheld = [replace(one, gold=None, correct=False) for one in cell.records]
    write_html([replace(cell, records=tuple(withheld))], tmp_path / "html")
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert "n/a" in page


def test_the_figures_of_seeds_take_little_room_and_marks_are_explained_where_there_are_some(
    tmp_path: Path,
) -> None:
    cells = write_crowd(tmp_path / "run", 12, 3)
    changed = [replace(one, correct=True, letter=one.gold) for one in cells[-1].records]
    cells[-1] = replace(cells[-1], records=tuple(changed))
    board = board_of(standings_of(cells)[0])
    place = [name for name, _ in board.headings].index("by seed")
    (line,) = [line for line in board.lines if line.sampler == "agent"]
    low = 100 * (summarise(cells[-2].records).accuracy or 0)
    entry = line.entries[place]
    assert (entry.main, entry.key) == (f"{low:.1f} to 100.0%", round(low, 1))
    assert entry.whole == f"{low:.1f}%, {low:.1f}%, 100.0%"
    for best in (None, "best"):
        marked = replace(entry, mark=best)
        lines = (replace(line, entries=(marked,)),)
        assert replace(board, lines=lines).is_marked == (best is not None)


def test_every_id_is_there_once(made: Made) -> None:
    index = data(made.folder, "set0")
    assert [q[0] for q in index["questions"]] == [question_id(n) for n in range(NUM_QUESTIONS)]
