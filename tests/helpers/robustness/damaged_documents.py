"""Damages of what JSON, YAML, CSV, XML, checkpoints and ONNX files say."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from helpers.robustness.damage import Damage, always, named, never, numbered, replace_by

JSON, YAML, CSV, XML, CHECKPOINT, ONNX = "json", "yaml", "csv", "xml", "checkpoint", "onnx"
MOST_KEYS = 40
"""Of a document with more, those at even distances are damaged."""
DEPTH = 100_000
SEPARATOR = " > "

WRONG_VALUES: dict[str, Any] = {
    "null": None,
    "text": "no such thing",
    "empty text": "",
    "list": [1, "two", None],
    "mapping": {"a": {"b": []}},
    "true": True,
    "negative": -7,
    "huge": 10**400,
    "large float": 1.5e308,
    "nan": float("nan"),
    "infinite": float("inf"),
    "zero": 0,
    "path": "../../../etc/passwd",
    "interpolation": "${oc.env:HOME}",
    "odd interpolation": "${nothing.at.all}",
    "long text": "x" * 300_000,
    "control": "\x1b[31m\x07\r\n\t",
    "target": {"_target_": "os.system", "_args_": ["touch planted_by_a_document"]},
}


def key_paths(content: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The places of all values in nested mappings, and of the first item of lists."""
    items = list(content.items()) if isinstance(content, dict) else []
    if isinstance(content, list):
        items = list(enumerate(content))[:1]
    for key, value in items:
        place = (*prefix, str(key))
        yield place
        yield from key_paths(value, place)


def thinned(names: Sequence[str], most: int = MOST_KEYS) -> list[str]:
    """At most so many of them, at even distances."""
    step = max(len(names) / most, 1)
    return [names[int(number * step)] for number in range(min(len(names), most))]


def with_value(content: Any, place: Sequence[str], value: Any, *, drop: bool = False) -> Any:
    """A nested content with another value in one place, or without it."""
    first, *rest = place
    copy = dict(content) if isinstance(content, dict) else list(content)
    key: Any = first
    if isinstance(content, list):
        key = int(first)
    elif first not in content:
        key = next(known for known in content if str(known) == first)
    if rest:
        copy[key] = with_value(copy[key], rest, value, drop=drop)
    elif drop:
        del copy[key]
    else:
        copy[key] = value
    return copy


class Format:
    """Reads and writes a kind of document as nested mappings."""

    def __init__(self, read: Callable[[Path], Any], write: Callable[[Path, Any], None]) -> None:
        self.read, self.write = read, write

    def places(self, path: Path) -> Sequence[str]:
        return thinned([SEPARATOR.join(place) for place in key_paths(self.read(path))])

    def drop(self, path: Path, place: str, _: Random) -> None:
        self.write(path, with_value(self.read(path), place.split(SEPARATOR), None, drop=True))

    def places_and_values(self, path: Path) -> Sequence[str]:
        return [f"{place}={value}" for place in self.places(path) for value in WRONG_VALUES]

    def change(self, path: Path, variant: str, _: Random) -> None:
        place, _, name = variant.rpartition("=")
        self.write(path, with_value(self.read(path), place.split(SEPARATOR), WRONG_VALUES[name]))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def _write_yaml(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True))


def _read_checkpoint(path: Path) -> Any:
    import torch

    return torch.load(path, weights_only=True, map_location="cpu")


def _write_checkpoint(path: Path, content: Any) -> None:
    import torch

    torch.save(content, path)


def _read_onnx(path: Path) -> dict[str, str]:
    import onnx

    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def _write_onnx(path: Path, metadata: dict[str, Any]) -> None:
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    for key, value in metadata.items():
        text = value if isinstance(value, str) else json.dumps(value)
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, path)


FORMATS = {
    JSON: Format(lambda path: json.loads(path.read_text()), _write_json),
    YAML: Format(lambda path: yaml.safe_load(path.read_text()), _write_yaml),
    CHECKPOINT: Format(_read_checkpoint, _write_checkpoint),
    ONNX: Format(_read_onnx, _write_onnx),
}


# CSV


def _rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text())))


def _write_rows(path: Path, rows: Sequence[Sequence[str]], separator: str = ",") -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())


def _columns(path: Path) -> Sequence[str]:
    return thinned([str(number) for number in range(len(_rows(path)[0]))], 10)


def separate_otherwise(path: Path, separator: str, _: Random) -> None:
    _write_rows(path, _rows(path), {"tab": "\t"}.get(separator, separator))


def drop_column(path: Path, column: str, _: Random) -> None:
    number = int(column)
    _write_rows(path, [row[:number] + row[number + 1 :] for row in _rows(path)])


def spoil_cell(path: Path, variant: str, chance: Random) -> None:
    column, _, name = variant.partition("=")
    rows = _rows(path)
    row = rows[chance.randrange(1, len(rows))] if len(rows) > 1 else rows[0]
    value = WRONG_VALUES[name]
    row[int(column)] = "" if value is None else str(value)
    _write_rows(path, rows)


def _cells(path: Path) -> Sequence[str]:
    values = ("null", "text", "negative", "large float", "nan", "long text", "path", "control")
    return [f"{column}={value}" for column in _columns(path) for value in values]


def change_rows(path: Path, how: str, chance: Random) -> None:
    rows = _rows(path)
    head, body = rows[0], rows[1:]
    other: list[list[str]] = {
        "no header": body,
        "header only": [head],
        "header twice": [head, *rows],
        "empty lines": [[], head, [], *body, []],
        "rows twice": [*rows, *body],
        "a row too short": [*rows, head[:1]],
        "a row too long": [*rows, [*rows[-1], "more", "and more"]],
        "columns of one name": [[head[0]] * len(head), *body],
        "columns in capitals": [[name.upper() for name in head], *body],
        "blanks around": [[f" {cell} " for cell in row] for row in rows],
        "in another order": [head, *chance.sample(body, len(body))],
    }[how]
    _write_rows(path, other)


def open_a_quote(path: Path, _: str, chance: Random) -> None:
    text = path.read_text()
    at = chance.randrange(len(text))
    path.write_text(text[:at] + '"' + text[at:])


# YAML and JSON as texts

ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
MALICIOUS_YAML = b'!!python/object/apply:os.system ["touch planted_by_a_document"]\n'


def with_tag(path: Path, _: str, __: Random) -> None:
    path.write_text(path.read_text() + '\nplanted: !!python/object/apply:os.system ["touch planted_by_a_document"]\n')


def with_aliases(path: Path, _: str, __: Random) -> None:
    path.write_text(path.read_text() + ALIASES)


def with_second_document(path: Path, _: str, __: Random) -> None:
    path.write_text(path.read_text() + "\n---\na: 1\n")


def indented_by_tabs(path: Path, _: str, __: Random) -> None:
    path.write_text(path.read_text().replace("  ", "\t"))


def with_duplicate_key(path: Path, _: str, __: Random) -> None:
    text = path.read_text()
    lines = text.splitlines()
    top = next(line for line in lines if re.match(r"\w+:", line))
    path.write_text(f"{text}\n{top.partition(':')[0]}: again\n")


# XML


def _elements(path: Path) -> Sequence[str]:
    names = list(dict.fromkeys(re.findall(r"<([A-Za-z]\w*)[ >]", path.read_text())))
    return thinned(names)


def drop_element(path: Path, name: str, _: Random) -> None:
    text = path.read_text()
    path.write_text(re.sub(rf"<{name}\b[^>]*?(/>|>.*?</{name}>)", "", text, flags=re.DOTALL))


def _elements_and_texts(path: Path) -> Sequence[str]:
    return [f"{name}={text}" for name in _elements(path) for text in ("", "abc", "-1", "1e400", "nan", "1e9")]


def change_element(path: Path, variant: str, _: Random) -> None:
    name, _, text = variant.partition("=")
    old = path.read_text()
    path.write_text(re.sub(rf"(<{name}\b[^>/]*>)[^<]*(</{name}>)", rf"\g<1>{text}\g<2>", old))


def with_entities(path: Path, kind: str, _: Random) -> None:
    declared = {
        "bomb": "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9)),
        "file": '<!ENTITY e9 SYSTEM "file:///etc/passwd">',
        "network": '<!ENTITY e9 SYSTEM "http://127.0.0.1:9/x">',
    }[kind]
    text = re.sub(r"<\?xml[^>]*\?>", "", path.read_text())
    root = re.search(r"<([A-Za-z]\w*)", text)
    assert root is not None
    end = text.index(">", root.end())
    entities = f'<!DOCTYPE {root[1]} [<!ENTITY e0 "lol">{declared}]>'
    path.write_text(f"{entities}{text[: end + 1]}&e9;{text[end + 1 :]}")


def nested_elements(path: Path, _: str, __: Random) -> None:
    path.write_text("<a>" * DEPTH + "</a>" * DEPTH)


# checkpoints and ONNX


class Trojan:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch planted_by_a_document",)


def with_trojan(path: Path, _: str, __: Random) -> None:
    _write_checkpoint(path, {**_read_checkpoint(path), "planted": Trojan()})


def change_weights(path: Path, how: str, chance: Random) -> None:
    import torch

    content = _read_checkpoint(path)
    weights = content["state_dict"]
    name = chance.choice(sorted(key for key, value in weights.items() if value.dim() > 1))
    weight = weights[name]
    changed = {
        "other shape": weight[:-1] if len(weight) > 1 else weight[:0],
        "scalar": weight.sum(),
        "integers": weight.to(torch.int64),
        "complex": weight.to(torch.complex64),
        "nan": torch.full_like(weight, float("nan")),
        "infinite": torch.full_like(weight, float("inf")),
        "sparse": weight.to_sparse(),
        "a list": weight.tolist(),
    }
    if how == "one missing":
        del weights[name]
    elif how == "one more":
        weights["net.more"] = torch.zeros(2)
    else:
        weights[name] = changed[how]
    _write_checkpoint(path, content)


WEIGHTS = (
    *("one missing", "one more", "other shape", "scalar", "integers", "complex", "nan", "infinite", "sparse"),
    "a list",
)


def _to_weights_elsewhere(model: Any) -> None:
    from onnx import TensorProto

    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../etc/passwd")


GRAPHS: dict[str, Callable[[Any], object]] = {
    "no metadata": lambda model: model.ClearField("metadata_props"),
    "no output": lambda model: model.graph.ClearField("output"),
    "no nodes": lambda model: model.graph.ClearField("node"),
    "another input": lambda model: setattr(model.graph.input[0], "name", "something"),
    "unknown operator": lambda model: setattr(model.graph.node[0], "op_type", "NoSuchThing"),
    "newer opset": lambda model: setattr(model.opset_import[0], "version", 9999),
    "weights elsewhere": _to_weights_elsewhere,
}


def change_graph(path: Path, how: str, _: Random) -> None:
    """Another graph in an ONNX file."""
    import onnx

    model = onnx.load(path)
    GRAPHS[how](model)
    path.write_bytes(model.SerializeToString())


def _nested(opening: str, closing: str) -> bytes:
    return (opening * DEPTH + closing * DEPTH).encode()


SUBTLE_VALUES = ("true", "zero", "negative", "text", "empty text", "path", "interpolation")


def is_subtle_value(variant: str) -> bool:
    """Whether a wrong value may be a right one."""
    return variant.rpartition("=")[2] in SUBTLE_VALUES


def _of_values(name: str) -> tuple[Damage, Damage]:
    """A key missing, and each wrong value in its place."""
    document = FORMATS[name]
    # what weights and their facts are, only they themselves say
    is_checkpoint = name in (CHECKPOINT, ONNX)
    of_keys, of_values = (always, always) if is_checkpoint else (never, is_subtle_value)
    return (
        Damage("a key missing", (name,), document.drop, document.places, subtle=of_keys),
        Damage("a wrong value", (name,), document.change, document.places_and_values, subtle=of_values),
    )


DAMAGES = (
    *(damage for name in FORMATS for damage in _of_values(name)),
    Damage("a list instead", (JSON, YAML), replace_by(b"[1, 2, 3]")),
    Damage("a text instead", (JSON, YAML), replace_by(b'"a text"')),
    Damage("a number instead", (JSON, YAML), replace_by(b"7")),
    Damage("null instead", (JSON, YAML), replace_by(b"null")),
    Damage("an empty mapping instead", (JSON, YAML), replace_by(b"{}")),
    Damage("lists nested deeply", (JSON, YAML), replace_by(_nested("[", "]"))),
    Damage("mappings nested deeply", (JSON, YAML), replace_by(_nested('{"a":', "}").replace(b"}", b"1}", 1))),
    Damage("a bomb of aliases", (YAML,), with_aliases),
    Damage("a tag of Python", (YAML,), with_tag),
    Damage("a tag of Python instead", (YAML,), replace_by(MALICIOUS_YAML)),
    Damage("two documents", (YAML,), with_second_document),
    Damage("tabs", (YAML,), indented_by_tabs),
    Damage("a key twice", (YAML,), with_duplicate_key),
    Damage("another separator", (CSV,), separate_otherwise, named(";", "tab", "|")),
    Damage("a column missing", (CSV,), drop_column, _columns),
    Damage("a wrong cell", (CSV,), spoil_cell, _cells, subtle=always),
    Damage(
        "other rows",
        (CSV,),
        change_rows,
        named(
            *("no header", "header only", "header twice", "empty lines", "rows twice", "a row too short"),
            *("a row too long", "columns of one name", "columns in capitals", "blanks around", "in another order"),
        ),
    ),
    Damage("an open quote", (CSV,), open_a_quote, numbered(2)),
    Damage("an element missing", (XML,), drop_element, _elements),
    Damage("a wrong element", (XML,), change_element, _elements_and_texts),
    Damage("entities", (XML,), with_entities, named("bomb", "file", "network")),
    Damage("elements nested deeply", (XML,), nested_elements),
    Damage("a trojan", (CHECKPOINT,), with_trojan),
    Damage("other weights", (CHECKPOINT,), change_weights, named(*WEIGHTS), subtle=always),
    Damage("another graph", (ONNX,), change_graph, named(*GRAPHS), subtle=always),
)
