"""The keys that rows spell otherwise than the application find their rows, or are read one by one."""

from __future__ import annotations

import json
import subprocess

import pytest

from proxy.fixes.loops.batch_code import batch_js, batch_py
from tests.fixes.seen import seen

# Stands for a client: a key finds the rows whose text is equal but for what a database does not tell apart.
CLIENT_JS = """
const calls = []
const equal = (one, other) => String(one).toLowerCase().replace(/^0+/, "") === String(other).toLowerCase()
const supabase = { from: () => supabase, select: () => supabase, in: (_, keys) => answer(keys),
  filter: (_, __, list) => answer(JSON.parse(`[${list.slice(1, -1)}]`)) }
function answer(keys) {
  calls.push(keys.length)
  const data = ROWS.filter(({ k }) => keys.some((key) => equal(key, k)))
  return { data: structuredClone(data), count: data.length, error: null }
}
"""


class Client:
    """The same for Python."""

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self._rows, self._keys = rows, list[object]()
        self.data, self.count = list[dict[str, object]](), 0
        self.calls = 0

    def table(self, _: str) -> Client:
        return self

    def select(self, _: str, count: str) -> Client:
        assert count == "exact"
        return self

    def in_(self, _: str, keys: list[object]) -> Client:
        self._keys = keys
        return self

    def filter(self, _: str, __: str, listed: str) -> Client:
        return self.in_(_, json.loads(f"[{listed[1:-1]}]"))

    def execute(self) -> Client:
        self.calls += 1
        wanted = {str(key).lower().lstrip("0") for key in self._keys}
        self.data = [dict(row) for row in self._rows if str(row["k"]).lower() in wanted]
        self.count = len(self.data)
        return self


CASES = [
    (["a", "b", "c"], ["A", "b", "d"], {"A": "a", "b": "b"}, 1),
    (["a", "b"], ["a", "A", "b"], {"a": "a", "A": "a", "b": "b"}, 4),
    (["7", "8"], ["007", "8", "9"], {"007": "7", "8": "8"}, 4),
]


@pytest.mark.parametrize(("stored", "keys", "wanted", "calls"), CASES)
def test_each_key_has_the_rows_of_its_call(
    stored: list[str], keys: list[str], wanted: dict[str, str], calls: int
) -> None:
    rows, read = [{"k": key} for key in stored], seen("GET t?select=k&k=eq.?", "k", kind="text")
    client = Client([dict(row) for row in rows])
    scope: dict[str, object] = {"supabase": client}
    exec(batch_py(read, many=False), scope)
    assert scope["list_t_by_ks"](keys) == {key: {"k": row} for key, row in wanted.items()}  # type: ignore[operator]
    shown = f"listTByKs({json.dumps(keys)}).then((found) => console.log(JSON.stringify([[...found], calls.length])))"
    code = f"const ROWS = {json.dumps(rows)}\n{CLIENT_JS}\n{batch_js(read, many=False)}\n{shown}"
    done = subprocess.run(["node", "-e", code], text=True, capture_output=True, check=True)
    found, sent = json.loads(done.stdout)
    assert dict(found) == {key: {"k": row} for key, row in wanted.items()}
    assert sent == client.calls == calls


def test_numbers_that_javascript_rounds_are_read_one_by_one() -> None:
    code = batch_js(seen("GET t?id=eq.?", "id", kind="integer"), many=False)
    assert 'typeof key === "number" && Math.abs(key) >= 2 ** 53 ? ""' in code
    assert "2 ** 53" not in batch_js(seen("GET t?id=eq.?", "id", kind="text"), many=False)


def test_a_filter_called_like_a_variable_of_the_code_has_another_name() -> None:
    code = batch_py(seen("GET t?id=eq.?&text=eq.?&known=eq.?&given=eq.?", "id"), many=False)
    assert "def list_t_by_ids(ids, text_2, known_2, given_2):" in code
