"""Where each number of a finding over the database comes from: the statement, its column and its row."""

import re
from collections.abc import Iterator

import msgspec

from proxy.analysis.volume import format_bytes
from proxy.audit.report import ReportedFinding, TracedNumber
from proxy.findings.model import Finding
from proxy.schema.relation import Index, Relation, TableColumn
from proxy.schema.snapshot import Database

NUMBER = re.compile(r"(?<![\w.\"'-])\d[\d,]*(?:\.\d+)?(?: (?:bytes|kB|MB))?(?![\w\"'])")
PAGE = 8192
TRAFFIC = "the observed requests"


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
    sources = {each.text: each for each in reversed(list(_sources(reported.finding, database)))}
    return tuple(dict.fromkeys(_numbers(reported, sources)))


def _numbers(reported: ReportedFinding, sources: dict[str, ReadValue]) -> Iterator[TracedNumber]:
    finding = reported.finding
    texts = [("title", finding.title), ("problem", finding.problem), ("current", finding.current)]
    texts += [("evidence", line) for line in finding.evidence]
    computed = f"computed by {finding.code} from {', '.join(finding.statements) or TRAFFIC}"
    for field, text in texts:
        if field == "evidence" and not _is_observation(text):
            continue
        for number in NUMBER.findall(text):
            found = sources.get(number.replace(",", ""))
            if found is not None:
                yield TracedNumber(number, field, text, found.source, found.where)
            elif number == str(reported.load.calls if reported.load else "") or text in finding.queries:
                yield TracedNumber(number, field, text, TRAFFIC, "")
            else:
                yield TracedNumber(number, field, text, computed, "")


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
