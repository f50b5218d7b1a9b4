"""Recordings: the traces that are read are those that were written, and rules find the same in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.recording.codec import RecordingError, encode_line, encode_trace, read_recording, read_traces, salt_of
from proxy.recording.recorder import NameRedactor
from proxy.recording.schema import CURRENT_FORMAT, MAX_TEXT, Literal, RecordedTrace, RecordingHead
from rules import TRAFFIC_RULES
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS
from tests.rules.test_documents import requests, section
from tests.rules.traces import found, parallel, span, told, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.model import Trace

HEAD = RecordingHead(CURRENT_FORMAT, "1.0", "00" * 16, 5.0)
FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])
LINES = [
    text for rule in TRAFFIC_RULES for part in ("Example", "Use instead") for text in requests(section(rule, part))
]


def lines(*traces: Trace, names: ConfirmedNames | None = None) -> list[bytes]:
    """The lines of a recording of ``traces``."""
    hide = NameRedactor(names or ConfirmedNames())
    for one in traces:
        hide.names.learn(one.spans)
    return [encode_line(HEAD), *(encode_trace(one, hide) for one in traces)]


def decoded(text: bytes) -> RecordedTrace:
    return msgspec.json.decode(text, type=RecordedTrace)


def recorded_and_read(*traces: Trace) -> list[Trace]:
    return list(read_traces("file", lines(*traces)))


def content(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """The content that a recording must preserve, with hashes as they are written."""
    contents = msgspec.to_builtins(traces)
    for one in (one for item in contents for one in item["spans"]):
        del one["shapes"]
        one["same"] %= 2**64
        one["literals"] = [hash_ % 2**64 for hash_ in one["literals"]]
        one["row_keys"] = [(name, [key % 2**64 for key in keys]) for name, keys in one["row_keys"]]
    return contents  # type: ignore[no-any-return]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=12))
def test_a_recording_read_again_gives_the_same_traces_and_the_same_findings(chosen: list[str]) -> None:
    traces = [one for one in told(chosen) if all(200 <= span.status < 300 for span in one.spans)]
    read_again = recorded_and_read(*traces)
    assert content(read_again) == content(traces)
    for rule in TRAFFIC_RULES:
        assert found(rule, read_again) == found(rule, traces)


@pytest.mark.parametrize("rule", TRAFFIC_RULES, ids=lambda rule: rule.code)
def test_each_rule_reports_its_example_in_a_recording(rule: Any) -> None:
    traces = told(requests(section(rule, "Example")))
    assert found(rule, recorded_and_read(*traces)) == found(rule, traces) != []


def test_encoding_span_by_span_gives_the_same_line() -> None:
    hide = NameRedactor(ConfirmedNames())
    for one in (FAN_OUT, replace(FAN_OUT, id="]]>\n", route="\x00", mixed=True)):
        text = encode_trace(one, hide)
        assert encode_line(decoded(text)) == text


def test_a_literal_is_recorded_as_kind_length_and_hash() -> None:
    one = replace(FAN_OUT.spans[0], literals=(2**63 + 1, 0), shapes=(("uuid", 36), ("", 0)))
    (recorded,) = decoded(encode_trace(trace([one]), NameRedactor(ConfirmedNames()))).spans
    assert recorded.literals == (Literal("uuid", 36, "8000000000000001"), None)
    (read_again,) = recorded_and_read(trace([one]))
    assert (read_again.spans[0].literals, read_again.spans[0].shapes) == (one.literals, one.shapes)


def test_an_unconfirmed_fingerprint_is_recorded_as_a_hash() -> None:
    secrets = [f"GET /videos?hush{number}=eq.1" for number in range(2)]
    unconfirmed = [replace(span(secret, 1), status=400) for secret in secrets]
    text = b"".join(lines(trace([*unconfirmed, span("GET /videos?id=eq.1", 3)])))
    assert b"hush" not in text
    (one,) = read_traces("file", text.splitlines(keepends=True))
    shown = [span.fingerprint for span in one.spans]
    assert len(set(shown)) == 3
    assert [name.partition("#")[0] for name in shown] == ["GET videos?…", "GET videos?…", "GET videos?id=eq.?"]
    assert [span.key_types for span in one.spans[:2]] == [(), ()]


@pytest.mark.parametrize("rule", TRAFFIC_RULES, ids=lambda rule: rule.code)
def test_a_rule_works_with_hashed_names(rule: Any) -> None:
    """Findings on hashed names are not reported; but a rule that fails on one would find nothing else."""
    unconfirmed = [replace(one, spans=tuple(replace(span, status=400) for span in one.spans)) for one in told(LINES)]
    read_again = recorded_and_read(*unconfirmed)
    assert sum("…#" in span.fingerprint for one in read_again for span in one.spans) > 20
    names = ConfirmedNames()
    for one in read_again:
        names.learn(one.spans)
    shown = names.shown_findings(found(rule, read_again))
    assert not any("…" in finding.fingerprint for finding in shown)


def test_an_unconfirmed_relation_or_method_is_not_recorded() -> None:
    unconfirmed = replace(span("GET /hush?id=eq.1", 1), method="HUSH", status=404)
    text = b"".join(lines(trace([unconfirmed])))
    assert b"hush" not in text.lower()


@pytest.mark.parametrize("text", [*HOSTILE_NAMES, *HOSTILE_TEXTS, "x" * 500])
def test_clients_names_are_recorded_up_to_a_maximum_length(text: str) -> None:
    long_names = replace(trace([replace(span("GET /t?id=eq.1", 1), caller=text)]), id=text, route=text)
    recording = lines(long_names)
    assert all(one.count(b"\n") == 1 for one in recording)
    (one,) = read_traces("file", recording)
    assert {one.id, one.route, one.spans[0].caller} == {text[:MAX_TEXT]}


def test_targets_are_not_recorded() -> None:
    assert b"hush" not in b"".join(lines(trace([replace(span("GET /t?id=eq.1", 1), target="/t?id=eq.hush")])))


@pytest.mark.parametrize(
    ("at", "text", "error"),
    [
        (0, b"{}\n", "file:1: "),
        (0, b"no JSON\n", "file:1: "),
        (0, b"[1]\n", "file:1: "),
        (0, encode_line(replace(HEAD, format=3)), "file:1: has recording format 3, but this fanin reads 1, 2"),
        (1, b'{"id":"a"}\n', "file:2: .*missing required field"),
        (1, b'{"id":1}\n', r"file:2: .*\$\.id"),
        (1, b'{"id":"a","start":0,"end":1,"spans":[]}\n', r"file:2: .*\$\.spans"),
        (1, b"\xff\n", "file:2: "),
        (1, b'{"id":"%b"}\n' % (b"x" * 201), r"file:2: .*length <= 200"),
    ],
)
def test_an_invalid_line_is_reported_with_its_number(at: int, text: bytes, error: str) -> None:
    recording = lines(FAN_OUT)
    recording[at] = text
    with pytest.raises(RecordingError, match=error):
        list(read_traces("file", recording))


def test_an_empty_file_is_not_a_recording() -> None:
    with pytest.raises(RecordingError, match="file:1: is empty"):
        list(read_traces("file", []))


def test_an_incomplete_last_line_is_left_out() -> None:
    recording = lines(FAN_OUT, FAN_OUT)
    for cut in (1, len(recording[-1]) // 2, len(recording[-1]) - 1):
        assert len(list(read_traces("file", [*recording[:-1], recording[-1][:cut]]))) == 1


def test_the_salt_does_not_reveal_the_key() -> None:
    key = bytes(range(16))
    assert salt_of(key) == salt_of(key) != salt_of(b"x" * 16)
    assert key not in salt_of(key)


def test_the_head_is_returned_before_the_traces_are_read() -> None:
    head, traces = read_recording("file", [*lines(FAN_OUT), b"broken\n"])
    assert head == HEAD
    assert next(traces).id == FAN_OUT.id
    with pytest.raises(RecordingError, match="file:3: "):
        next(traces)
