"""What must not travel is taken out; what tells experiments apart stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.report.entries.scrub import Scrubber

PARTS = st.lists(st.from_regex(r"[A-Za-z0-9_. -]*[A-Za-z0-9]", fullmatch=True), min_size=1)


@pytest.fixture
def scrub(monkeypatch: pytest.MonkeyPatch) -> Scrubber:
    monkeypatch.setenv("HOME", "/home/Jane Doe")
    monkeypatch.setenv("OPENAI_API_KEY", "geheim-12345")
    monkeypatch.setenv("MY_TOKEN", "EMPTY")
    return Scrubber({"/data/my videos": "DATA_ROOT", "/data": "DATA", "/runs/one": "RUN"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/data/my videos/a.mp4 is broken", "DATA_ROOT/a.mp4 is broken"),
        ("/data/my videos", "DATA_ROOT"),
        ("/data/my videos2/a.mp4", "DATA/my videos2/a.mp4"),
        ("see '/data/x/y.json', line 3", "see 'DATA/x/y.json', line 3"),
        ("/home/Jane Doe/models/qwen", "qwen"),
        ("--out=/home/Jane Doe/x", "--out=x"),
        ("file:/home/Jane Doe/sel.json,aks[depth=5]", "file:sel.json,aks[depth=5]"),
        ("file:~/sel.json", "file:sel.json"),
        ("~jane/a/b", "b"),
        ("no folder /scratch/u123/deep/er", "no folder er"),
        ("tspo[agent=/scratch/u1/agents/q,select=aks]", "tspo[agent=q,select=aks]"),
        ("http://me:pw@host:80/v1?key=abc#frag", "http://host:80/v1"),
        ('openai:m[base_url="https://h/v1?k=1"]', 'openai:m[base_url="https://h/v1"]'),
        ("http://[broken?k=1", "***"),
        ("answered: geheim-12345 is no key", "answered: *** is no key"),
        ("m[api_key=abcd,n=1]", "m[api_key=***,n=1]"),
        ("hf_abcdefghijklmnopqrst", "***"),
        ("see file:///mnt/secretproj/x.json", "see file:x.json"),
        ("file://host/mnt/secretproj/x.json", "file:x.json"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("--header 'Authorization: Basic YTpi' -v", "--header 'Authorization: ***' -v"),
        ("--header=X-Api-Key: abc", "--header=X-Api-Key: ***"),
        ("got bearer abcdefgh12 there", "got bearer *** there"),
        ('body {"api_key": "a\\"b c", "n": 1}', 'body {"api_key": "***", "n": 1}'),
        ("{'access_key': 'abc'}", "{'access_key': '***'}"),
        (r'"{\"token\": \"a b\", \"n\": 1}"', r'"{\"token\": \"***\", \"n\": 1}"'),
        ('m[api_key="a b",n=1]', 'm[api_key="***",n=1]'),
        ("passwd=abc db_password=d", "passwd=*** db_password=***"),
        ("S[credentials=abc,key=d]", "S[credentials=***,key=***]"),
        ("sk_live_abcdefghijklmnop", "***"),
        ("ghp_abcdefghijklmnopqrst", "***"),
        (r"no C:\Users\alice\x.mp4 here", "no x.mp4 here"),
        (r'"C:\\Users\\alice\\My Videos\\x.mp4"', '"x.mp4"'),
        (r"\\server\alice\x.mp4", "x.mp4"),
        ("C:/Users/alice/x.mp4", "C:x.mp4"),
        ("/mnt/My Videos/alice/x.mp4", "x.mp4"),
        ("'/mnt/My Own Videos of 2024/alice/x y.mp4'", "'x y.mp4'"),
        ("copy /mnt/a/b to /mnt/c/d", "copy b to d"),
        # What stays:
        ("monkey=3, keys: 4, author=me, tokens: 5", "monkey=3, keys: 4, author=me, tokens: 5"),
        (r"a\nb and \\frac{1}{2}", r"a\nb and \\frac{1}{2}"),
        ("EMPTY", "EMPTY"),
        ("and/or", "and/or"),
        ("1/2 of train/x.mp4 in ./a/b and ../c/d", "1/2 of train/x.mp4 in ./a/b and ../c/d"),
        ("llava-hf/llava-onevision-qwen2-7b-ov-hf", "llava-hf/llava-onevision-qwen2-7b-ov-hf"),
        ("haystack[length=15min]", "haystack[length=15min]"),
        ("m[max_new_tokens=16,key_env=X]", "m[max_new_tokens=16,key_env=X]"),
        ("a / b", "a / b"),
    ],
)
def test_texts(scrub: Scrubber, before: str, after: str) -> None:
    assert scrub.text(before) == after


def test_values(scrub: Scrubber) -> None:
    before = {
        "data_root": "/data/my videos",
        "models": ("/home/Jane Doe/m", "x"),
        "options": {"api_key": "abc", "password": None, "token": "t", "max_new_tokens": 16},
        "frames": [8, 16],
        "rate": 1.5,
        **{"credentials": {"user": "u"}, "auth": "a", "aws_access_key": "k", "key": "x"},
    }
    assert scrub.value(before) == {
        "data_root": "DATA_ROOT",
        "models": ["m", "x"],
        "options": {"api_key": "***", "password": None, "token": "***", "max_new_tokens": 16},
        "frames": [8, 16],
        "rate": 1.5,
        **dict.fromkeys(("credentials", "auth", "aws_access_key", "key"), "***"),
    }


def test_commands(scrub: Scrubber) -> None:
    given = ["/usr/bin/tspo-bench", "run", "--api-key", "abc", "--hf-token", "d", "--frames", "8"]
    said = ["tspo-bench", "run", "--api-key", "***", "--hf-token", "***", "--frames", "8"]
    assert scrub.command(given) == said


@given(parts=PARTS, before=st.sampled_from(["", "see ", "file:", "x=", "'", "("]))
def test_no_folder_of_the_home_is_left(parts: list[str], before: str) -> None:
    home = str(Path.home())
    scrubbed = Scrubber({}).text(f"{before}{home}/secretfolder/{'/'.join(parts)}")
    assert home not in scrubbed
    assert "secretfolder" not in scrubbed
