"""Faults planted into printed code, each of which the comparison must find."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.e2e.support.fix_shapes import Param, Shape, uuid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.findings.model import Fix


@dataclass(frozen=True)
class Fault:
    """A wrong line in the code of one language."""

    name: str
    shape: Callable[[], Shape]
    part: str
    old: str
    new: str = ""

    def plant(self, fix: Fix) -> Fix:
        """The fix with the fault; it alone is left of the languages."""
        code = getattr(fix, self.part)
        wrong = re.sub(self.old, self.new, code)
        assert wrong != code, f"{self.name}: the code has no {self.old}\n{code}"
        sql = fix.sql if "create function" in fix.sql else ""
        return replace(fix, **{"sql": sql, "supabase_js": "", "supabase_py": "", "reason": "x", self.part: wrong})


def ordered() -> Shape:
    after = [Param("kind", "neq.a", ("a",)), Param("or", "(rank.is.null,rank.gt.2)", (2,), late=True)]
    keys = [(n,) for n in range(8)]
    return Shape("read", "thing", ("owner_id",), keys, after=after, order="rank.asc.nullsfirst,id", total=True)


def many() -> Shape:
    return Shape("read", "thing", ("owner_id",), [(n,) for n in range(40)], select="id", order="id", total=True)


def pairs() -> Shape:
    keys = [(kind, n) for n in range(5) for kind in ("abcd"[n % 4], "abcd"[(n + 1) % 4])]
    return Shape("read", "thing", ("kind", "owner_id"), keys, order="id", total=True)


def limited() -> Shape:
    keys = [(n,) for n in range(8)]
    return Shape("read", "thing", ("owner_id",), keys, order="due.desc.nullslast,id", total=True, limit=2)


def texts() -> Shape:
    names = ["with, comma", 'quote "q"', "back\\slash", '\\"', '"', "plain"]
    return Shape("read", "thing", ("name",), [(name,) for name in names], order="id", total=True)


def embedded() -> Shape:
    after = [Param("part.order", "id.desc"), Param("part.limit", "2", (2,), late=True)]
    keys = [(n,) for n in range(6)]
    return Shape("read", "thing", ("owner_id",), keys, select="id,part(id)", after=after, order="id", total=True)


def respelled() -> Shape:
    tags = [uuid_of(f"tag:{n}") for n in range(8)]
    keys = [(tag.upper(),) for tag in tags]
    return Shape("respelled", "thing", ("tag",), keys, select="id", order="id", total=True)


JS, PY, SQL = "supabase_js", "supabase_py", "sql"
FAULTS = (
    Fault("a filter is dropped", ordered, JS, r'\n *\.neq\("kind", kind\)'),
    Fault("a filter is dropped in Python", ordered, PY, r'\n *\.neq\("kind", kind\)'),
    Fault("a logic tree is dropped", ordered, JS, r"\n *\.or\(`rank.*`\)"),
    Fault("the order of nulls is lost", ordered, JS, r", nullsFirst: true"),
    Fault("the order of nulls is lost in Python", ordered, PY, r", nullsfirst=True"),
    Fault("the direction is turned", ordered, PY, r"desc=False\)", "desc=True)"),
    Fault("a cut answer is taken for whole", many, JS, r"count > data\.length", "false"),
    Fault("a cut answer is taken for whole in Python", many, PY, r"answer\.count > len\(answer\.data\)", "False"),
    Fault("only one of the halves is read", many, PY, r"\[chunk\[:half\], chunk\[half:\]\]", "[chunk[:half]]"),
    Fault("pairs are not kept together", pairs, JS, r"`and\((.*?),owner_id.*?\)`", r"`\1`"),
    Fault(
        "pairs are not kept together in SQL",
        pairs,
        SQL,
        r"\(kind, owner_id\) in \(select kind, owner_id",
        "kind in (select kind",
    ),
    Fault("rows are put under a part of the key", pairs, PY, r"known\.get\(.*\), chunk\[0\]\)", "chunk[0]"),
    Fault("the limit is left out of the function", limited, SQL, r"\n *limit 2", ""),
    Fault("the order is left out of the function", limited, SQL, r"\n *order by [^\n]*", ""),
    Fault("keys are not quoted", texts, JS, r"\.map\(quoted\)"),
    Fault("a backslash is not escaped", texts, PY, r'\.replace\("\\\\", "\\\\\\\\"\)'),
    Fault("only the last row of a key is kept", ordered, JS, r"\.get\(key\)\.push\(row\)", ".set(key, [row])"),
    Fault("the embed has no limit", embedded, JS, r"\n *\.limit\(partLimit.*\)"),
    Fault("the embed has no order", embedded, PY, r'\n *\.order\("id", desc=True, foreign_table="part"\)'),
    Fault("a row is put under its own spelling of the key", respelled, JS, r"known\.get\(.*\) \?\? chunk\[0\]", "_key"),
    Fault("an added column is left in the rows", embedded, JS, r"\{ _key, \.\.\.row \}", "row"),
)
