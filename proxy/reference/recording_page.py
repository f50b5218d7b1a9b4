"""The page of docs/reference about recordings, made from the structs that are written."""

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
        f" This is format {CURRENT_FORMAT}. The first line of each file says so; what follows are traces, in the order"
        " that they closed in. A full file becomes `FILE.1`, that one `FILE.2`: `record.max_bytes`, `record.files`."
        " The admin port's `/api/recording` is the same, of the traces that a running fanin keeps (`detect.traces`,"
        " `detect.spans`, `detect.keys`); `fanin check --admin URL` and `fanin audit --admin URL` read that.",
        "",
        "No value is in a recording, no header, no body, and no name that PostgREST has not taken for one: such a query"
        " is `GET …#` with a hash of a key that nobody has. Of each literal there are its kind, its length and a hash"
        " under the salt, which is in the first line: equal values can be told, and guessed ones can be tried. Whoever"
        " holds the file can so find out values of which there are few, such as a status, a year or a small number, and"
        " none that cannot be guessed. What clients call their traces, routes and callers is"
        " theirs, and is kept as text.",
        "",
        "Times are seconds, sizes are bytes. A field that is not there has the value that *else* tells. What was found"
        " is not in the file: rules are run again when it is read. A last line without its end was being written when"
        " fanin ended, and is left out.",
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
