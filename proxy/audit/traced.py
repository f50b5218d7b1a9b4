"""Where each number of a finding over the database comes from: the statement, its column and its row."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.volume import format_bytes
from proxy.audit.report import ReportedFinding, TracedNumber
from proxy.findings.model import Finding
from proxy.schema.relation import Index, Relation, TableColumn
from proxy.schema.snapshot import Database

NUMBER = re.compile(r"(?<![\w.\"'-])\d+(?:,\d{3})*(?:\.\d+)?(?: (?:bytes|kB|MB))?(?![\w\"'])")
PAGE = 8192
TRAFFIC = "the observed requests"
WRITES = (
    "the trial of writes to a temporary copy, else an estimate from column_stats.avg_width, times the observed writes;"
    " updates from table_stats; the size from pg_relation_size() of the trial, else from HypoPG or an estimate"
)
MOST_FIGURES = 12
"""Most recorded figures that are named where a number was computed."""


class ReadValue(msgspec.Struct, frozen=True):
    """A value that a statement returned."""

    text: str
    """As findings write it."""
    source: str
    """Statement and column."""
    where: str
    """Its row, as a condition; empty if the statement returns one row."""


def traced(reported: ReportedFinding, database: Database) -> tuple[TracedNumber, ...]:
    """The numbers of a finding, each once per text that has it, in the order of the report."""
    finding = reported.finding
    read = [each for each in _sources(finding, database) if _part(each.source) in finding.statements]
    sources = {each.text: each for each in reversed(read)}
    return tuple(dict.fromkeys(_numbers(reported, sources, _computed(finding, read))))


def _part(source: str) -> str:
    return source.partition(".")[0]


def _numbers(reported: ReportedFinding, sources: dict[str, ReadValue], computed: str) -> Iterator[TracedNumber]:
    finding, plan = reported.finding, PlanOfLine(reported.finding)
    texts = [("title", finding.title), ("problem", finding.problem), ("current", finding.current)]
    texts += [("evidence", line) for line in finding.evidence]
    texts += [("expected", finding.expected), ("risk", finding.risk)]
    for field, text in texts:
        of_plan = plan.source(text) if field == "evidence" else ""
        if field == "evidence" and not _is_observation(text):
            continue
        for number in NUMBER.findall(text):
            known = of_plan or _of_observed(number, text, reported)
            found = None if known else sources.get(number.replace(",", ""))
            if found is not None:
                yield TracedNumber(number, field, text, found.source, found.where)
            else:
                yield TracedNumber(number, field, text, known or computed, "")


def _of_observed(number: str, text: str, reported: ReportedFinding) -> str:
    """The source of a number that the observed requests, the plans or the writes give; empty if it is none."""
    finding = reported.finding
    if finding.planned and text == finding.expected:
        return "the highest gain of its plans"
    if finding.planned and text == finding.risk:
        return WRITES
    if finding.index is not None and finding.queries and text == finding.current:
        return f"{TRAFFIC}: number of calls and sum of their times, over {', '.join(finding.queries)}"
    counted = f"{number} requests" in text or f"{number} calls" in text
    known = finding.queries or (reported.load is not None and number == str(reported.load.calls))
    return TRAFFIC if text in finding.queries or (counted and known) else ""


def _computed(finding: Finding, read: Sequence[ReadValue]) -> str:
    """From which recorded figures the rule computes what no column holds."""
    figures: dict[str, str] = {}
    for each in read:
        if each.where and each.text not in ("0", "-1") and ", times " not in each.source:
            figures.setdefault(each.source, each.text)
    listed = ", ".join(f"{source} = {text}" for source, text in list(figures.items())[:MOST_FIGURES])
    others = listed or ", ".join(finding.statements) or TRAFFIC
    return f"computed by {finding.code} from {others}"


class PlanOfLine:
    """Says of each line of evidence, in their order, of which planned statement it is."""

    def __init__(self, finding: Finding) -> None:
        self._labels = {each.label: number for number, each in enumerate(finding.planned, 1)}
        self._number, self._named = 0, finding.object.name if finding.object is not None else ""

    def source(self, line: str) -> str:
        """The source of the numbers of a line; empty if it is not of a plan."""
        label, gain, _ = line.rpartition(": gain ")
        if (found := self._labels.get(label if gain else line)) is not None:
            self._number = found
            return f"1 - after / before of plan {found}: the times if it was run, else the costs"
        for side, name in (("before: ", "without"), ("after: ", "with")):
            if line.startswith(side) and self._number:
                return f"plan {self._number}, {name} the index {self._named}" if self._named else f"plan {self._number}"
        if line.startswith("the gain holds for "):
            return "the number of plans of which the gain is above 0"
        if line.startswith("built in "):
            return f"the time of CREATE INDEX of {self._named} in the trial, and its pg_relation_size()"
        return ""


def _is_observation(line: str) -> bool:
    """Whether a line of evidence is more than SQL that the database printed: its numbers are constants of it."""
    return not line.upper().startswith(("CREATE ", "USING ", "WITH CHECK ", "POLICY "))


def _sources(finding: Finding, database: Database) -> Iterator[ReadValue]:
    """The values of the object first, then those of its table, then those of the server."""
    about = finding.object
    relation = database.relation(about.schema, about.table or about.name) if about is not None else None
    if about is not None and relation is not None:
        for index in relation.indexes:
            if index.name == about.name:
                yield from _of_index(index)
        for column in relation.columns:
            if column.name == about.name:
                yield from _of_column(column, relation)
        yield from _of_relation(relation)
        for index in relation.indexes:
            yield from _of_index(index)
    yield from _fields(database.server, "server", "")


def _fields(value: msgspec.Struct, part: str, where: str) -> Iterator[ReadValue]:
    """The numbers of a struct, by the columns of the statement that it was made of."""
    for name in value.__struct_fields__:
        number = getattr(value, name)
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield ReadValue(f"{number:.0f}" if number == int(number) else f"{number:g}", f"{part}.{name}", where)


def _of_relation(relation: Relation) -> Iterator[ReadValue]:
    where = f"oid = {_literal(relation.schema, relation.name)}::regclass"
    if relation.stats is not None:
        yield from _fields(relation.stats, "table_stats", where)
    yield from _fields(msgspec.structs.replace(relation, rows=max(relation.rows, 0)), "relations", where)
    yield ReadValue(format_bytes(relation.pages * PAGE), f"relations.pages, times {PAGE}", where)


def _of_index(index: Index) -> Iterator[ReadValue]:
    where = f"schema = {_text(index.schema)} and name = {_text(index.name)}"
    yield ReadValue(str(index.size), "indexes.size", where)
    yield ReadValue(format_bytes(index.size), "indexes.size", where)
    if index.scans is not None:
        yield ReadValue(str(index.scans), "index_stats.scans", where)


def _of_column(column: TableColumn, relation: Relation) -> Iterator[ReadValue]:
    if column.stats is not None:
        oid = f"{_literal(relation.schema, relation.name)}::regclass"
        yield from _fields(column.stats, "column_stats", f"oid = {oid} and name = {_text(column.name)}")


def _literal(schema: str, name: str) -> str:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    return _text(quoted)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
