"""The shipped figures, and a file that says a wrong one."""

import itertools
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.mllms.presets import PRESETS
from tspo_bench.report.papers.published import Published, published_file, read_published
from tspo_bench.tasks import registry

HEADER = ",".join(Published.model_fields)
ROW = "mlvu,dev,llava-video-7b,uniform,64,70.3,micro,none,,TSPO,P,"


def test_the_papers_main_table_is_there() -> None:
    """As the paper's table prints it: rows, then the columns that stand in it."""
    table = {
        ("llava-video-7b", "uniform"): (58.9, 70.3, 64.4, 53.6, 40.2),
        ("llava-video-7b", "tspo"): (63.9, 76.3, 65.5, 54.7, 45.3),
        ("qwen2.5-vl-7b", "uniform"): (59.0, 65.1, 63.7, 53.3, 38.3),
        ("qwen2.5-vl-7b", "tspo"): (64.2, 74.3, 65.5, 56.4, 46.4),
    }
    columns = [
        *(("longvideobench", None), ("mlvu", None), ("videomme", None)),
        *(("videomme", ("duration", "long")), ("lvbench", None)),
    ]
    found = {
        (row.model, row.method, row.benchmark, row.group): row
        for row in read_published()
        if "TSPO" in row.source and "quoted" not in row.source
    }
    for (key, values), (place, column) in itertools.product(table.items(), enumerate(columns)):
        row = found[(*key, *column)]
        assert (row.value, row.frames, row.metric) == (values[place], 64, "micro")
    assert len(found) == 20


def test_every_row_names_what_is_here_or_is_free_text() -> None:
    cards = registry.cards()
    for row in read_published():
        assert row.split == next(iter(cards[row.benchmark].options["splits"]))
        base = row.model.partition("+")[0]
        assert base in PRESETS or base in {"qwen2-vl-7b", "unknown"}
        if row.group is not None:
            assert row.group[0] in cards[row.benchmark].options["groups"]
        # What a benchmark does not average over has no macro figure of it.
        assert row.metric == "micro" or cards[row.benchmark].options.get("macro")


def test_the_file_is_among_the_results() -> None:
    assert published_file().parts[-2:] == ("results", "published.csv")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["benchmark,value", "mlvu,1"], "line 2: split"),
        ([HEADER, ROW, ROW.replace("70.3", "0.703")], "line 3: value '0.703'"),
        ([HEADER, ROW.replace("70.3", "high")], "line 2: value 'high'"),
        ([HEADER, ROW.replace("70.3", "nan")], "line 2: value 'nan'"),
        ([HEADER, ROW.replace("64,", "many,")], "line 2: frames 'many'"),
        ([HEADER, ROW.replace("micro", "mean")], "line 2: metric 'mean'"),
        ([HEADER, ROW.replace(",P,", ",X,")], "line 2: verified 'X'"),
        ([HEADER, ROW.replace("none,,", "none,long,")], "line 2: group"),
        ([HEADER, ROW.replace("none,,", "none,=long,")], "line 2: group"),
        ([HEADER, ROW.replace("none,", "some,", 1)], "line 2: subtitles 'some'"),
        ([HEADER, ROW.replace("TSPO", "")], "line 2: source ''"),
        ([HEADER, ROW[:-1]], "line 2: note None"),
        ([HEADER, ROW + ",more"], "line 2: more"),
        ([HEADER, ROW, "", ROW], "line 4 says the same as line 2"),
        ([HEADER, '"unclosed'], "cannot read"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: list[str], problem: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError) as raised:
        read_published(path)
    assert problem in str(raised.value)
    assert str(path) in str(raised.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*nope\.csv"):
        read_published(tmp_path / "nope.csv")


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    path.write_text(
        f"{HEADER}\n{ROW.replace('64', '').replace('none,,', 'none,duration=long,')}x\n"
    )
    assert read_published(path) == (
        Published(
            benchmark="mlvu", split="dev", model="llava-video-7b", method="uniform", frames=None,
            value=70.3, metric="micro", subtitles="none", group=("duration", "long"),
            source="TSPO", verified="P", note="x",
        ),
    )  # fmt: skip
