"""The fixes of a report that are statements, as one file for psql: indexes first, then the rest, then dropped indexes.

A fix that another one of the file serves, or makes impossible, is left out with a comment.
"""

import re
from collections.abc import Iterable, Sequence

from proxy.audit.report import Report, ReportedFinding
from proxy.findings.model import Finding, IndexShape
from proxy.text.terminal import safe

CREATE = ("create index", "create unique index")
DROP = ("drop index",)
CREATED = re.compile(r'^create (?:unique )?index (?:concurrently )?"?(.+?)"? on ', re.MULTILINE)
"""The names of the indexes that lower-case statements create."""
POLICIES = frozenset(("FAN030", "FAN031", "FAN033", "FAN037"))
"""Rules whose fix changes policies that exist."""
ACCESS = frozenset(
    ("FAN026", "FAN027", "FAN028", "FAN029", "FAN030", "FAN034", "FAN035", "FAN036", "FAN037", "FAN044", "FAN045")
)
"""Rules whose fix changes what roles may do or see."""
SECTIONS = (
    "Indexes to create",
    "Other changes that leave what clients see as it is",
    "Changes of what roles may do or see: try what your application does as each role",
    "Indexes to drop",
)
HEAD = """\
-- Proposed by fanin audit for the database {database}.
-- Run it with psql, outside of a transaction, for CREATE INDEX CONCURRENTLY cannot run inside one:
--   psql -v ON_ERROR_STOP=1 -f FILE
-- What undoes a statement follows it as a comment. If CREATE INDEX CONCURRENTLY fails, it leaves an invalid index:
-- drop that before you run it again.
"""


def migration(report: Report) -> str:
    """The statements of the findings over the database, each with what undoes it."""
    findings = [each for each in report.findings if each.finding.object is not None and each.finding.fix.sql]
    lines = [HEAD.format(database=safe(report.database))]
    kept, left = _without_conflicts(findings)
    if not kept:
        lines.append("-- There is nothing to change.\n")
    for number, title in enumerate(SECTIONS):
        chosen = [each for each in kept if _section(each.finding) == number]
        lines += [f"-- {title}.\n"] if chosen else []
        lines += [_statement(each) for each in chosen]
    for each, why in left:
        lines.append(f"-- Left out: {_title(each.finding)}: {why}.\n")
    return "\n".join(lines)


def _section(finding: Finding) -> int:
    sql = _statements(finding)
    if sql.startswith(CREATE):
        return 0
    if sql.startswith(DROP):
        return 3
    return 2 if finding.code in ACCESS else 1


def _statements(finding: Finding) -> str:
    return finding.fix.sql.lower()


def _title(finding: Finding) -> str:
    return f"{finding.code} {safe(finding.title)}"


def _statement(reported: ReportedFinding) -> str:
    finding = reported.finding
    lines = [f"-- [{finding.impact}] {_title(finding)}", f"-- {safe(finding.current)}; {safe(finding.expected)}"]
    if finding.code in ACCESS:
        lines.append(f"-- Risk: {safe(finding.risk)}")
    lines.append(finding.fix.sql.rstrip())
    return "\n".join(lines) + "\n" + _statistics(finding)


def _statistics(finding: Finding) -> str:
    """Postgres has no statistics of a new index on an expression until ANALYZE."""
    index = finding.index
    if index is None or _section(finding) or not any("(" in key for key in index.keys):
        return ""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in (index.schema, index.table))
    return f"analyze {name};\n"


Left = list[tuple[ReportedFinding, str]]


def _without_conflicts(findings: Sequence[ReportedFinding]) -> tuple[list[ReportedFinding], Left]:
    """The findings whose statements can run one after another, and the others with why not."""
    kept: list[ReportedFinding] = []
    left: Left = []
    taken: set[tuple[str, ...]] = set()
    for each in sorted(findings, key=lambda one: one.finding.code == "FAN022"):  # FAN023 names an index that must stay
        served = _served(each.finding, findings) or _served_by_expression(each.finding, findings)
        if served is not None:
            left.append((each, f"the index for {_title(served)} serves it"))
            continue
        needs, blocks = _changes(each.finding)
        if taken.intersection(needs):
            left.append((each, "an earlier statement changes the same object: audit again after this file"))
            continue
        taken |= set(blocks)
        kept.append(each)
    order = {each.key: number for number, each in enumerate(findings)}
    return sorted(kept, key=lambda one: order[one.key]), left


Names = Iterable[tuple[str, ...]]
"""Names of objects, each with its kind."""


def _changes(finding: Finding) -> tuple[Names, Names]:
    """What may not have been changed before, and what is changed."""
    about = finding.object
    if about is None:
        return (), ()
    table = (about.schema, about.table or about.name)
    every, some = ("policies", *table), ("policy", *table)
    if finding.code in POLICIES and about.kind == "policy":
        return [every, (*some, about.name)], [some, (*some, about.name)]
    if finding.code in POLICIES:  # all of the table
        return [every, some], [every, some]
    own: list[tuple[str, ...]] = [("name", about.schema, name) for name in CREATED.findall(_statements(finding))]
    if _section(finding) == 0:
        return own, own
    if _section(finding) == len(SECTIONS) - 1:
        own = [("index", about.schema, about.name)]
        return [*own, ("indexes", *table)] if finding.code == "FAN022" else own, [*own, ("indexes", *table)]
    if finding.code == "FAN044":  # it grants the other columns, also those of the same rule
        own = [("columns", *table)]
    return own, own


def _served(finding: Finding, findings: Sequence[ReportedFinding]) -> Finding | None:
    """Another finding of the report whose new index begins with the same keys; of equal ones FAN020, else the first."""
    index = finding.index
    if index is None or _section(finding):
        return None
    made = [each.finding for each in findings if each.finding.index is not None and not _section(each.finding)]
    for other in made:
        if other is finding or other.index is None or not _covers(other.index, index):
            continue
        if _covers(index, other.index):
            equal = sorted((finding, other), key=lambda one: (one.code != "FAN020", made.index(one)))
            if equal[0] is other:
                return other
        elif not finding.code == other.code == "FAN020":
            return other
    return None


def _served_by_expression(finding: Finding, findings: Sequence[ReportedFinding]) -> Finding | None:
    """A finding whose index has the expression that this one would store in a generated column (FAN038)."""
    about, sql = finding.object, finding.fix.sql
    for other in (each.finding for each in findings):
        index = other.index
        if index is None or about is None or (index.schema, index.table) != (about.schema, about.table):
            continue
        if index.method == "btree" and not index.where and f"generated always as {index.keys[0]} stored" in sql:
            return other
    return None


def _covers(wider: IndexShape, index: IndexShape) -> bool:
    """Whether each search by ``index`` can use ``wider``."""
    alike = (wider.schema, wider.table, wider.method, wider.where) == (
        index.schema,
        index.table,
        index.method,
        index.where,
    )
    prefix = wider.keys[: len(index.keys)] == index.keys
    if index.method != "btree" and len(wider.keys) != len(index.keys):
        return False
    return alike and prefix and set(index.include) <= {*wider.include, *wider.keys}
