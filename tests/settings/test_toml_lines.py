"""Each name in a TOML file has the line on which it is set, in every way that TOML has to set it."""

from __future__ import annotations

import pytest

from proxy.settings.toml_lines import line_of, lines_of

TEXT = '''# a comment
mode = "observe"

merge.max_keys = 5  # dotted
"merge"."max_url" = 7
[pool]
calls = 1
  idle = 2.0

[trace]
headers = [
  "x-a",  # [[ignore]]
  "]",
]
quiet_explicit = 1.0
[identity]
also_neutral = ["""
[merge]
linger = 1""", "b"]
[ shadow ]
share = 0.5
[[override]]
relation = "a"
[override.merge]
ties = "any"
[[override]]
relation = "b"
merge = { ties = "none", max_keys = 3 }
[[ignore]]
rule = \'\'\'
FAN001\'\'\'
reason = "x"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("mode",), 2),
        (("merge", "max_keys"), 4),
        (("merge", "max_url"), 5),
        (("pool",), 6),
        (("pool", "calls"), 7),
        (("pool", "idle"), 8),
        (("trace", "headers"), 11),
        (("trace", "quiet_explicit"), 15),
        (("identity", "also_neutral"), 17),
        (("shadow", "share"), 21),
        (("override", 0), 22),
        (("override", 0, "merge", "ties"), 25),
        (("override", 1), 26),
        (("override", 1, "merge", "max_keys"), 28),
        (("ignore", 0, "rule"), 30),
        (("ignore", 0, "reason"), 32),
    ],
)
def test_a_name_has_the_line_on_which_it_is_set(path: tuple[str | int, ...], line: int) -> None:
    assert lines_of(TEXT)[path] == line


def test_a_name_without_a_line_has_that_of_the_table_around_it() -> None:
    lines = lines_of(TEXT)
    assert line_of(lines, ("override", 1, "missing")) == 26
    assert line_of(lines, ("pool", "linger")) == 6
    assert line_of(lines, ("nowhere",)) is None


def test_lists_of_tables_in_one_line_are_numbered() -> None:
    lines = lines_of('ignore = [{rule = "a"}, {rule = "b"}]')
    assert lines["ignore", 1, "rule"] == 1


def test_a_text_without_statements_has_no_lines() -> None:
    assert lines_of("") == lines_of("# [a]\n\n") == {}
