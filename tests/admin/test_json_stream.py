"""JSON in pieces is the JSON of the whole, and no piece is made before it is asked for."""

from __future__ import annotations

import json

from proxy.admin.json_stream import array, members, object_of


def test_pieces_are_the_json_of_the_whole() -> None:
    inner = object_of({"a": [1, "é"], 'b"': array(range(3)), "c": members((str(n), n) for n in range(2))})
    document = object_of({"empty": array(()), "none": members(()), "list": array([inner, {"x": None}])})
    assert json.loads(b"".join(document)) == {
        "empty": [],
        "none": {},
        "list": [{"a": [1, "é"], 'b"': [0, 1, 2], "c": {"0": 0, "1": 1}}, {"x": None}],
    }


def test_an_item_is_made_when_its_piece_is_asked_for() -> None:
    made: list[int] = []

    def items() -> object:
        for number in range(9):
            made.append(number)
            yield number

    pieces = iter(array(items()))  # type: ignore[arg-type]
    assert [next(pieces), next(pieces), next(pieces)] == [b"[", b"0", b",1"]
    assert made == [0, 1]
