"""What the tools of ``fanin mcp`` read: a running fanin, recordings, or spans of OpenTelemetry.

Tests: tests/e2e/operations/test_mcp.py.
"""

import json
import time
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy import __version__
from proxy.admin.usage_views import usage_views
from proxy.analysis.rule import AnyRule
from proxy.commands.admin_api import AdminPortError, read_api
from proxy.commands.audit.command import AuditAnalysis
from proxy.commands.explain.command import explained_text
from proxy.commands.progress import Progress
from proxy.explain.request import RequestError
from proxy.explain.words import UnknownWordError
from proxy.findings.model import Finding
from proxy.mcp.answer import ToolAnswer, ToolError
from proxy.mcp.snapshot import SeenFinding, Snapshot
from proxy.mcp.tools import audit, explain, finding, findings, fingerprints, status, trace, traces
from proxy.model import Trace
from proxy.receiver.files import each_traffic
from proxy.recording.source import DataAccessError, Recordings, source_names
from proxy.settings.model import Settings

FRESH = 2.0
"""Seconds for which an answer of a running fanin, or of a file that did not change, is used again."""
MAX_TRACES = 1_000
"""Maximum number of traces that the tools show: the last ones. Rules run on all."""
REPORT = {
    "fail_on": "never",
    "top": 50,
    "require_full_coverage": False,
    "strict_ignores": False,
    "require_routes": None,
    "min_traces": None,
    "statements": False,
    "sql": None,
    "probe": False,
    "trial": 0,
}
"""Options of the report on the workload."""

Tool = Callable[[Snapshot, Mapping[str, Any]], ToolAnswer]
TOOLS: Mapping[str, Tool] = {
    "findings": findings,
    "finding": finding,
    "traces": traces,
    "trace": trace,
    "fingerprints": fingerprints,
    "audit": audit,
    "status": status,
}


class ToolSource:
    """Answers calls of tools from the source that ``options`` name. It never reads the database itself."""

    def __init__(self, options: Namespace, settings: Settings, rules: Sequence[AnyRule]) -> None:
        self._options = options
        self._settings = settings.model_copy(update={"db_uri": None})
        self._rules = rules
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._stamp: object = None

    def answer(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """The answer of the tool ``name``. Raises ToolError."""
        if name == "explain":
            return explain(self._explanation, arguments)
        return TOOLS[name](self._present(), arguments)

    def _explanation(self, about: str) -> str:
        try:
            return explained_text(about, self._settings, self._rules)
        except UnknownWordError:
            raise ToolError("about: is neither a rule, a reason, an error code, nor METHOD /path?query.") from None
        except RequestError as error:
            raise ToolError(f"about: {str(error).rpartition('. ')[2] or 'is no request'}") from None

    def _present(self) -> Snapshot:
        now, stamp = time.monotonic(), self._file_stamp()
        if self._snapshot is None or stamp != self._stamp or (stamp is None and now - self._read_at > FRESH):
            try:
                self._snapshot = self._read()
            except (DataAccessError, AdminPortError) as error:
                raise ToolError(f"{_without_quotes(error)} Check what fanin mcp was started with.") from None
            self._read_at, self._stamp = time.monotonic(), stamp
        return self._snapshot

    def _file_stamp(self) -> object:
        """What changes when a file is written; None for a running fanin."""
        files = self._options.traces or self._options.otlp
        if not files:
            return None
        try:
            return [(stat.st_mtime_ns, stat.st_size) for stat in (Path(file).stat() for file in files)]
        except OSError:
            return time.monotonic()

    def _read(self) -> Snapshot:
        kept: deque[Trace] = deque(maxlen=MAX_TRACES)
        admin = [self._options.admin] if self._options.admin else []
        options = Namespace(**{**vars(self._options), **REPORT, "admin": admin})
        traffic = ((name, _keeping(traces, kept)) for name, traces in each_traffic(options, self._settings))
        analysis = AuditAnalysis(traffic, self._rules, self._settings)
        sources = source_names(options)
        report = msgspec.to_builtins(analysis.report(sources, options, Progress()))
        names = analysis.names
        usages = [usage for usage in analysis.workload if names.may_show(usage.fingerprint)]
        seen = [
            SeenFinding(stored.finding, stored.count, stored.trace, stored.ignore is not None)
            for stored in analysis.known()
        ]
        snapshot = Snapshot(
            source=", ".join(sources),
            findings=seen,
            traces=list(kept),
            queries=[msgspec.to_builtins(row) for row in usage_views(usages, names, "", 0.0)],
            report=report,
            state={},
            names=names,
        )
        return snapshot if not self._options.admin else self._with_live(snapshot)

    def _with_live(self, snapshot: Snapshot) -> Snapshot:
        """With what a running fanin knows itself: findings and queries since its start, and its state."""
        admin, token = self._options.admin, self._options.token
        found = read_api(admin, token, "/api/findings", "findings")
        queries = read_api(admin, token, "/api/fingerprints", "fingerprints")
        state = {
            name: read_api(admin, token, "/api/health", name)
            for name in ("version", "state", "mode", "upstream_up", "warnings")
        }
        seen = [
            SeenFinding(
                msgspec.convert(row["finding"], Finding), row["count"], row["trace"], row["ignored"] is not None
            )
            for row in found
        ]
        warnings = [json.dumps(row) for row in state.pop("warnings")]
        live = {"version": state.pop("version", __version__), **state, "warnings": warnings}
        return msgspec.structs.replace(snapshot, findings=seen, queries=queries, state=live)


def _keeping(traffic: Recordings, kept: deque[Trace]) -> Iterator[Any]:
    for source, each in traffic:
        kept.append(each)
        yield source, each


def _without_quotes(error: Exception) -> str:
    """The message up to the first text that could have been recorded."""
    return str(error).partition(": {")[0][:300].rstrip(".") + "."
