"""The page of docs/reference about recordings, generated from their structs."""

from collections.abc import Iterator

from proxy.recording.schema import CURRENT_FORMAT, Literal, RecordedSpan, RecordedTrace, RecordingHead
from proxy.text.markdown import field_rows, table


def recording() -> Iterator[str]:
    """The page, line by line."""
    yield from (
        "# Recordings",
        "",
        "`fanin serve --record FILE` writes each closed trace as a line of JSON; `fanin check --traces FILE` and"
        " `fanin audit --traces FILE` read them."
        f" This is format {CURRENT_FORMAT}. The first line of each file states it; the other lines are traces, in the"
        " order in which they closed. A full file becomes `FILE.1`, that one `FILE.2`: `record.max_bytes`,"
        " `record.files`. The admin port's `/api/recording` has the same format, for the traces that a running fanin"
        " keeps (`detect.traces`, `detect.spans`, `detect.keys`); `fanin check --admin URL` and `fanin audit --admin"
        " URL` read that.",
        "",
        "A recording has no value, no header and no body, and no table or column name that PostgREST did not accept:"
        " such a query is `GET …#` with a hash under a key that is not stored. Of each literal it has the kind, the"
        " length and a hash under the salt, which is in the first line: equal values have equal hashes, and a guessed"
        " value can be checked. A reader of the file can therefore find values with few possibilities, such as a"
        " status, a year or a small number, but no value that cannot be guessed. Names of traces, routes and callers"
        " come from clients and are stored as text.",
        "",
        "Times are seconds, sizes are bytes. A missing field has the value in the column *else*. Findings are not in"
        " the file: the rules run again when it is read. An incomplete last line, from the moment when fanin ended, is"
        " ignored.",
        "",
    )
    for kind, where in (
        (RecordingHead, "The first line"),
        (RecordedTrace, "A trace"),
        (RecordedSpan, "Each of its `spans`"),
    ):
        yield from (f"## {where}", "")
        yield from table(("field", "what it says", "else"), field_rows(kind))
    yield from ("## Each of a span's `literals`", "", "A list of three:", "")
    yield from table(("element", "what it says"), (row[:2] for row in field_rows(Literal)))
