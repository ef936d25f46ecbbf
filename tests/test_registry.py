"""Specs, cards and the registry: what people write, and what they get wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.errors import UserError
from tspo_bench.registry import Registry, Spec, cards_folder, parse_spec, read_card, split_specs


class Thing:
    """What the registries below build."""

    def __init__(self, size: float = 1, seed: int = 0, path: str = "") -> None:
        if isinstance(size, str):
            raise TypeError(f"size must be a number, got {size!r}")
        self.size, self.seed, self.path = size, seed, path


class Plain:
    """Takes no argument at all."""


class OpenEnded:
    def __init__(self, **options: Any) -> None:
        self.options = options


class Demanding:
    def __init__(self, *args: Any, model: str, seed: int = 0) -> None:
        self.model, self.seed = model, seed


class Crashing:
    def __init__(self) -> None:
        raise ValueError("no licence")


NOT_CALLABLE = 3
HERE = __name__


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three cards of their own, whatever the package ships."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for name, options in {"small": "{size: 0.5}", "large": "{size: 1e3}", "bare": ""}.items():
        (folder / f"{name}.yaml").write_text(
            f"class: {HERE}:Thing\ndescription: a {name} thing\noptions: {options}\n"
        )
    return Registry("thing", folder)


@pytest.mark.parametrize(
    ("text", "name", "options", "argument"),
    [
        ("aks", "aks", {}, None),
        (" aks ", "aks", {}, None),
        ("aks[t1=0.8,depth=5]", "aks", {"t1": 0.8, "depth": 5}, None),
        ("aks[ t1 = 0.8 , depth = 5 ]", "aks", {"t1": 0.8, "depth": 5}, None),
        ("aks[]", "aks", {}, None),
        ("a[x=1e-3]", "a", {"x": 1e-3}, None),  # text in YAML 1.1
        (
            "a[x=-2,y=+3,z=-.5,w=2.,v=1E5]",
            "a",
            {"x": -2, "y": 3, "z": -0.5, "w": 2.0, "v": 1e5},
            None,
        ),
        ("a[x=true,y=False,z=null,w=~]", "a", {"x": True, "y": False, "z": None, "w": None}, None),
        ("a[x=no,y=on,z=none]", "a", {"x": "no", "y": "on", "z": "none"}, None),  # not booleans
        ("haystack[length=15min]", "haystack", {"length": "15min"}, None),
        ("a[at=15:30,day=2024-01-01]", "a", {"at": "15:30", "day": "2024-01-01"}, None),
        ("a[x=010]", "a", {"x": "010"}, None),
        ("a[x='5']", "a", {"x": "5"}, None),
        ("a[x=b=c]", "a", {"x": "b=c"}, None),
        ("a[x=]", "a", {"x": None}, None),
        ("a[x=[1,2],y=3]", "a", {"x": [1, 2], "y": 3}, None),
        ("a[y=3,x=[1,[b,c]]]", "a", {"y": 3, "x": [1, ["b", "c"]]}, None),
        ("a[x='1,2',y=3]", "a", {"x": "1,2", "y": 3}, None),
        ("a[x=don't,y=can't]", "a", {"x": "don't", "y": "can't"}, None),
        ("file:/a/b.json", "file", {}, "/a/b.json"),
        ("file:a,b.json", "file", {}, "a,b.json"),
        ("file:frames[64].json", "file", {}, "frames[64].json"),
        ("file:frames[64].json[x=1]", "file", {"x": 1}, "frames[64].json"),
        ("file:a:b.json", "file", {}, "a:b.json"),
        ("file:../a b.json", "file", {}, "../a b.json"),
        ("file:card.yaml", "file", {}, "card.yaml"),
        ("openai:http://localhost:8000/v1", "openai", {}, "http://localhost:8000/v1"),
        ("org/model-1.5", "org/model-1.5", {}, None),
        ("org/model:main", "org/model:main", {}, None),  # a hub id is not name:argument
        ("org/model[dtype=bf16]", "org/model", {"dtype": "bf16"}, None),
        ("/models/a:b", "/models/a:b", {}, None),
        ("./card.yaml", "./card.yaml", {}, None),
        ("cards/card.yml[depth=3]", "cards/card.yml", {"depth": 3}, None),
        ("pkg.mod:Name", "pkg.mod:Name", {}, None),
        ("pkg.sub.mod:Name[x=1]", "pkg.sub.mod:Name", {"x": 1}, None),
        ("json:JSONDecoder", "json:JSONDecoder", {}, None),  # a plain module that exists
    ],
)
def test_parse_spec(text: str, name: str, options: dict[str, Any], argument: str | None) -> None:
    spec = parse_spec(text)
    assert (spec.name, spec.options, spec.argument) == (name, options, argument)
    assert [type(spec.options[key]) for key in options] == [type(v) for v in options.values()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("[a=1]", "write a name, or name"),
        ("aks[t1=0.8", "cannot read 'aks[t1=0.8'"),
        ("pkg.mod:Name[t1=0.8", "cannot read 'pkg.mod:Name[t1=0.8'"),
        ("aks]", "cannot read 'aks]'"),
        ("aks[t1=0.8]x", "cannot read 'aks[t1=0.8]x'"),
        ("aks[t1]", "cannot read option 't1' of 'aks[t1]': write option=value"),
        ("aks[=3]", "cannot read option '=3'"),
        ("aks[t1=1,t1=2]", "option 't1' is given twice"),
        ("aks[t1=&]", "cannot read value '&'"),
        ("aks[t1=!!python/name:os.system]", "cannot read value"),
    ],
)
def test_parse_spec_errors(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_spec(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (" a , ,b, ", ["a", "b"]),
        ("", []),
        ("a,b[x=1,y=2],c", ["a", "b[x=1,y=2]", "c"]),
        ("a[y=3,x=[1,2]],b", ["a[y=3,x=[1,2]]", "b"]),
        ("file:f[1,2].json,b", ["file:f[1,2].json", "b"]),
        ("file:x],a[p=1,q=2]", ["file:x]", "a[p=1,q=2]"]),
        ('uniform,"file:a,b.json",aks', ["uniform", "file:a,b.json", "aks"]),
        ("uniform,'file:a,b[k.json',aks", ["uniform", "file:a,b[k.json", "aks"]),
        ("file:don't.json,aks", ["file:don't.json", "aks"]),
    ],
)
def test_split_specs(text: str, parts: list[str]) -> None:
    assert split_specs(text) == parts


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("aks", "aks"),
        ("aks[t1=0.8,depth=5]", "aks[depth=5,t1=0.8]"),
        ("aks[depth=5,t1=.80]", "aks[depth=5,t1=0.8]"),  # one cell, however it is written
        ("a[x=True,y=[1, b]]", 'a[x=true,y=[1,"b"]]'),
        ("file:/long/way/frames.json", "file:frames.json"),
        ("file:picks.yaml", "file:picks.yaml"),
        ("./cards/mine.yaml[x=1]", "mine[x=1]"),
        ("pkg.mod:Name[x=1]", "pkg.mod:Name[x=1]"),
        ("org/model", "org/model"),
    ],
)
def test_label(text: str, label: str) -> None:
    assert parse_spec(text).label == label


VALUES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True).filter(
        lambda text: text not in {"true", "false", "null"}
    ),
)


@given(
    specs=st.lists(
        st.builds(
            Spec,
            name=st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True),
            options=st.dictionaries(
                st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
                st.one_of(VALUES, st.lists(VALUES, max_size=3)),
                max_size=3,
            ),
        ),
        max_size=4,
    )
)
def test_labels_read_back_as_the_same_specs(specs: list[Spec]) -> None:
    joined = ",".join(spec.label for spec in specs)
    assert [parse_spec(part) for part in split_specs(joined)] == specs


def test_create_passes_options_over_the_cards_and_offers_context(registry: Registry) -> None:
    thing = registry.create(parse_spec("small"), seed=7, device="cpu")
    assert (thing.size, thing.seed) == (0.5, 7)
    assert registry.create(parse_spec("small[size=2]")).size == 2
    assert registry.create(parse_spec("large")).size == 1000.0  # 1e3 in a card is a number
    assert registry.create(parse_spec("small[seed=1]"), seed=7).seed == 1
    assert registry.create(parse_spec("bare:some/path")).path == "some/path"
    assert registry.create(parse_spec(f"{HERE}:OpenEnded[a=1]")).options == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smal", "unknown thing 'smal': did you mean 'small'? known: bare, large, small"),
        ("Small", "did you mean 'small'?"),
        ("zzz", "unknown thing 'zzz': known: bare, large, small"),
        ("small[sise=1]", "thing 'small' has no option 'sise'; did you mean 'size'? it has: path"),
        (f"{HERE}:Plain[x=1]", "has no option 'x'; it has: none"),
        ("small[size=big]", "thing 'small[size=big]': size must be a number, got 'big'"),
        (f"{HERE}:Demanding", f"needs 'model': {HERE}:Demanding[model=value]"),
        (f"{HERE}:Nothing", "cannot be imported"),
        ("no.such.module:Name", "thing 'no.such.module:Name' cannot be imported: No module named"),
        (
            "no_such_module:Name",
            "unknown thing 'no_such_module': no no_such_module.py is here; known",
        ),
        (f"{HERE}:Crashing", f"cannot be built: ValueError: no licence ({__file__}, line "),
        (f"{HERE}:NOT_CALLABLE", "is not a class but int"),
        ("missing.yaml", "cannot read card missing.yaml: No such file or directory"),
    ],
)
def test_create_errors(registry: Registry, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        registry.create(parse_spec(text))
    assert message in str(caught.value)


def test_an_argument_that_nobody_reads_is_an_error(registry: Registry) -> None:
    registry.register("plain", f"{HERE}:Plain")
    with pytest.raises(UserError, match=r"takes nothing after a colon, got '3'; .*plain\[option="):
        registry.create(parse_spec("plain:3"))


def test_register(registry: Registry) -> None:
    registry.register("mine", f"{HERE}:Thing", "my thing", size=3)
    registry.register("mine", f"{HERE}:Thing", "my thing", size=4)  # again, as a reload does
    assert registry.create(parse_spec("mine")).size == 4
    assert list(registry.cards()) == ["bare", "large", "mine", "small"]
    with pytest.raises(UserError, match=f"thing 'mine' is {HERE}:Thing; other:Thing needs another"):
        registry.register("mine", "other:Thing")
    with pytest.raises(UserError, match="thing 'small' is"):
        registry.register("small", "other:Thing")


def test_entry_points_are_found(registry: Registry, tmp_path: Path, monkeypatch) -> None:
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[tspo_bench.things]\nplugged = {HERE}:Thing [extra]\nsmall = elsewhere:Other\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert registry.create(parse_spec("plugged[size=9]")).size == 9
    assert registry.cards()["small"].target == f"{HERE}:Thing"  # a plug-in hides no built-in


def test_a_cards_path_and_a_home_folder(tmp_path: Path, monkeypatch, registry: Registry) -> None:
    (tmp_path / "mine.yml").write_text(f"name: 7\nclass: {HERE}:Thing\ntuned_for: mlvu\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for text in ("mine.yml", "./mine.yml", str(tmp_path / "mine.yml"), "~/mine.yml"):
        card = registry.card(parse_spec(f"{text}[size=4]"))
        assert (card.name, card.options, card.tuned_for) == ("7", {"size": 4}, "mlvu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("- a", "must hold a mapping, got list"),
        ("", "must hold a mapping, got NoneType"),
        ("name: a", "lacks 'class': package.module:Name"),
        ("class: 3", "lacks 'class'"),
        (f"class: {HERE}:Thing\ncolour: red", "has unknown key 'colour'; known:"),
        (f"class: {HERE}:Thing\noptions: [a]", "'options' must be a mapping, got ['a']"),
        ("class: nothing", "thing 'nothing': write package.module:Name"),
        ("class: .relative:Name", "thing '.relative:Name': write package.module:Name"),
        (f"class: {HERE}:Thing\noptions: {{sise: 1}}", "has no option 'sise'"),
    ],
)
def test_broken_cards(registry: Registry, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        registry.create(parse_spec(str(path)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = (\n", "SyntaxError: '(' was never closed (broken_module.py, line 1)"),
        (
            "\nclass Mine(Absent):\n    pass\n",
            "NameError: name 'Absent' is not defined ({path}, line 2)",
        ),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence ({path}, line 1)"),
        ("import no_such_module_here", "No module named 'no_such_module_here'"),
    ],
)
def test_a_module_that_cannot_be_imported(
    registry: Registry, tmp_path: Path, monkeypatch, source: str, reason: str
) -> None:
    path = tmp_path / "broken_module.py"
    path.write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(UserError) as caught:
        registry.create(parse_spec("broken_module:Mine"))
    expected = f"thing 'broken_module:Mine' cannot be imported: {reason.format(path=path)}"
    assert str(caught.value) == expected


def test_a_broken_card_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(f"class: {HERE}:Thing\n")
    (tmp_path / "bad.yaml").write_text("a: [")
    registry = Registry("thing", tmp_path)
    assert list(registry.cards()) == ["bad", "good"]
    assert registry.create(parse_spec("good")).size == Thing().size
    with pytest.raises(UserError, match=r"bad\.yaml is not valid YAML"):
        registry.create(parse_spec("bad"))


def test_a_card_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="is not valid YAML"):
        read_card(path)


def test_modules_beside_the_shell_hide_no_installed_package(
    registry: Registry, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "fractions.py").write_text("raise RuntimeError('hidden')\n")
    (tmp_path / "beside_the_shell.py").write_text("class Mine:\n    pass\n")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "fractions")
    monkeypatch.chdir(tmp_path)
    assert type(registry.create(parse_spec("beside_the_shell:Mine"))).__name__ == "Mine"
    import fractions

    assert fractions.Fraction(1, 2) == 0.5


def test_shipped_cards_are_found_from_the_checkout() -> None:
    assert (cards_folder("samplers") / "aks.yaml").is_file()
    for path in sorted(cards_folder("samplers").glob("*.yaml")):
        assert read_card(path)["name"] == path.stem
