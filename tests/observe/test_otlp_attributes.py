"""Names and attributes are those of the published semantic conventions, are bounded, and contain no value."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentelemetry.semconv
import pytest
from msgspec.structs import replace
from opentelemetry.semconv.metrics import db_metrics
from opentelemetry.semconv.schemas import Schemas

from proxy.errors.codes import FaultError
from proxy.observe import otlp_metrics, otlp_sender
from proxy.observe.events import CANCELLED, NO_ANSWER, RequestAnswered, UpstreamCalled
from proxy.observe.otlp_attributes import NEW_TEXTS_PER_SECOND, Capped, Describer, database_of
from proxy.settings.loading import load
from tests.rules.traces import span

CONVENTIONS = Path(next(iter(opentelemetry.semconv.__path__)))


def published() -> set[str]:
    """The attributes of the installed conventions that are not deprecated."""
    names: set[str] = set()
    for path in CONVENTIONS.rglob("*_attributes.py"):
        body = ast.parse(path.read_text()).body
        for node, after in pairwise(body):
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
                note = (
                    after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
                )
                if not str(note).strip().startswith("Deprecated:"):
                    names.add(str(node.value.value))
    return names


def describer(**settings: Any) -> Describer:
    return Describer(load({"otlp.endpoint": "http://c:1", **settings}).settings, lambda: "/rest/v1/", lambda: 1.0)


def call(line: str = "GET creators?select=id&id=eq.?", status: int = 200, **more: Any) -> UpstreamCalled:
    method, _, rest = line.partition(" ")
    relation = "public." + rest.partition("?")[0]
    return UpstreamCalled(relation, more.pop("kind", "original"), 0.5, status, method, fingerprint=line, **more)


def described(called: UpstreamCalled, answered: int = 1, database: str = "") -> dict[str, Any]:
    maker = describer(**{"otlp.database": database})
    return {"name": maker.call_start(called)[0]} | maker.call_start(called)[1] | maker.call_more(called, answered)


ALL = [
    call(),
    call(status=400, error_code="22P02"),
    call(status=0, fault=FaultError("FANIN501")),
    call("POST creators?columns=a", status=CANCELLED),
    call(kind="merged", merged_by="id", call=3),
    call(kind="outside"),
    UpstreamCalled("", "original", 0.1, 200, "POST", function="total"),
    UpstreamCalled("", "original", 0.1, 200, "OPTIONS"),
]


@pytest.mark.parametrize("called", ALL)
@pytest.mark.parametrize("upstream", ["http://db:3000", "unix:/run/pgrst.sock"])
def test_every_attribute_is_published_or_begins_with_fanin(called: UpstreamCalled, upstream: str) -> None:
    maker, request = describer(upstream=upstream), span("GET /creators?id=eq.1", 1)
    event = RequestAnswered(request, 0.0, trace="t", fault="FANIN501", function="")
    names = {
        *maker.call_start(called)[1],
        *maker.call_more(called, 2),
        *(maker.metric(called, Capped(9)) or {}),
        *maker.request_start(event)[1],
        *maker.request_more(event),
    }
    assert {name for name in names if not name.startswith("fanin.")} <= published()


def test_metric_and_schema_are_those_of_the_installed_conventions() -> None:
    newest = max(Schemas, key=lambda schema: [int(part) for part in re.findall(r"\d+", schema.value)])
    assert newest is Schemas.V1_44_0
    assert db_metrics.DB_CLIENT_OPERATION_DURATION == "db.client.operation.duration"
    for module in (otlp_sender, otlp_metrics):
        assert "Schemas.V1_44_0" in Path(str(module.__file__)).read_text()


def test_a_read_is_a_select_with_its_statement_without_values() -> None:
    told = described(call(), database="shop")
    assert told["name"] == told["db.query.summary"] == "SELECT public.creators"
    assert told["db.query.text"] == "SELECT creators.id FROM creators WHERE creators.id = ?"
    assert (told["db.namespace"], told["db.operation.name"]) == ("shop|public", "SELECT")
    assert described(call())["db.namespace"] == "public"


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("GET", "SELECT"),
        ("HEAD", "SELECT"),
        ("POST", "INSERT"),
        ("PUT", "INSERT"),
        ("PATCH", "UPDATE"),
        ("DELETE", "DELETE"),
    ],
)
def test_the_operation_is_the_command_of_sql(method: str, operation: str) -> None:
    told = described(call(f"{method} creators?id=eq.?"))
    assert told["db.operation.name"] == operation
    assert told["name"] == f"{operation} public.creators"
    assert told["db.query.text"].startswith(operation)


def test_the_summary_names_the_embedded_relations() -> None:
    told = described(call("GET creators?select=id,socials(url,sites(name))&id=eq.?"))
    assert told["name"] == "SELECT public.creators socials sites"


def test_a_merged_call_is_one_operation_on_many_keys() -> None:
    told = described(call(kind="merged", merged_by="id"), answered=7)
    assert told["fanin.batch.size"] == 7
    assert told["db.query.text"] == "SELECT creators.id FROM creators WHERE creators.id IN (?)"
    assert "db.operation.batch.size" not in told


def test_a_function_has_its_name_once_postgrest_has_run_it() -> None:
    told = described(UpstreamCalled("", "original", 0.1, 200, "POST", function="total"))
    assert (told["name"], told["db.stored_procedure.name"]) == ("SELECT total", "total")
    refused = described(UpstreamCalled("", "original", 0.1, 404, "POST", function="s3cret", error_code="PGRST202"))
    assert refused["name"] == "SELECT"
    assert "s3cret" not in str(refused)


@pytest.mark.parametrize(
    ("called", "error", "sqlstate"),
    [
        (call(status=400, error_code="22P02"), "22P02", "22P02"),
        (call(status=406, error_code="PGRST116"), "PGRST116", None),
        (call(status=503), "503", None),
        (call(status=NO_ANSWER, fault=FaultError("FANIN501")), "FANIN501", None),
        (call(status=CANCELLED), "cancelled", None),
        (call(), None, None),
    ],
)
def test_error_type_is_one_word_and_only_a_sqlstate_is_the_databases_status(
    called: UpstreamCalled, error: str | None, sqlstate: str | None
) -> None:
    told = described(called)
    assert (told.get("error.type"), told.get("db.response.status_code")) == (error, sqlstate)
    assert " " not in str(told.get("error.type"))


@pytest.mark.parametrize("called", [call(kind="outside"), call(kind="tunnel"), call("OPTIONS creators")])
def test_a_call_that_is_no_query_is_no_operation_of_the_database(called: UpstreamCalled) -> None:
    maker = describer()
    assert not any(name.startswith("db.") for name in described(called))
    assert maker.metric(called, Capped(9)) is None


def test_names_of_a_refused_request_are_left_out_until_they_were_accepted() -> None:
    maker, refused = describer(), call(status=400, error_code="42703")
    assert "creators" not in str(maker.call_start(refused))
    maker.names.learn([replace(span("GET /creators?id=eq.1", 1), relation="public.creators")])
    assert maker.call_start(refused)[1]["db.collection.name"] == "public.creators"
    assert "db.query.text" not in maker.call_start(refused)[1]


def test_a_requests_route_is_its_path_under_the_mount() -> None:
    maker = describer()
    event = RequestAnswered(span("GET /creators?id=eq.1", 1), 0.0)
    assert maker.request_start(event)[0] == "GET /rest/v1/creators"
    function = RequestAnswered(
        replace(span("GET /creators", 1), relation="", fingerprint="POST /rpc", method="POST"), 0.0
    )
    assert maker.request_start(replace(function, function="total"))[0] == "POST /rest/v1/rpc/total"
    assert maker.request_start(replace(event, span=replace(event.span, status=404)))[0] == "GET"


def test_label_values_of_the_metric_are_bounded() -> None:
    maker, seen = describer(), Capped(2)
    found = [maker.metric(call(f"GET r{n}?id=eq.?"), seen) or {} for n in range(4)]
    assert [one.get("db.collection.name") for one in found] == ["public.r0", "public.r1", None, None]
    assert found[3]["db.query.summary"] == "SELECT"


def test_few_new_statements_are_written_per_second() -> None:
    maker = describer()
    texts = [maker.call_start(call(f"GET creators?select=c{n}"))[1].get("db.query.text") for n in range(50)]
    assert len([text for text in texts if text]) == NEW_TEXTS_PER_SECOND


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"db_uri": "postgres://u:p@h:5/shop?sslmode=require"}, "shop"),
        ({"db_uri": "postgres://u:p@h"}, ""),
        ({"db_uri": "postgres://u:p@h/shop", "otlp.database": "other"}, "other"),
        ({}, ""),
    ],
)
def test_the_database_is_the_one_of_the_setting_or_of_the_uri(settings: dict[str, str], name: str) -> None:
    assert database_of(load({"otlp.endpoint": "http://c:1", **settings}).settings) == name
