"""Names and attributes of OpenTelemetry spans and metrics. None contains a value of a request.

They follow the semantic conventions 1.44: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ for requests,
and https://opentelemetry.io/docs/specs/semconv/db/postgresql/ for calls. fanin's own attributes begin with ``fanin.``.
"""

from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from opentelemetry.semconv.attributes import db_attributes as db
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.util.types import AttributeValue

from proxy.analysis.spans import has_confirmed_names
from proxy.model import Span
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.observe.events import CANCELLED, NO_ANSWER, RequestAnswered, UpstreamCalled
from proxy.postgrest.response.problem import is_sqlstate
from proxy.settings.model import Settings
from proxy.sql.query_text import OPERATIONS, QueryText, query_text, summary_of

Attributes = dict[str, AttributeValue]

OUTSIDE = frozenset(("outside", "tunnel"))
"""Kinds of calls that are not for PostgREST: spans of an HTTP client, not of a database."""
MAX_TEXTS = 500
"""Maximum number of statements whose texts are kept."""
NEW_TEXTS_PER_SECOND = 20
"""To write a statement takes up to 3 ms of the event loop: a client with ever new queries must not fill it."""
RETURNED_ROWS = "db.response.returned_rows"
"""In development in the semantic conventions, so that the package has no stable constant."""
ROUTE, METHOD, STATUS = (
    http_attributes.HTTP_ROUTE,
    http_attributes.HTTP_REQUEST_METHOD,
    http_attributes.HTTP_RESPONSE_STATUS_CODE,
)


class Describer:
    """Makes the names and attributes of spans. ``mount`` is PostgREST's path for clients."""

    def __init__(self, settings: Settings, mount: Callable[[], str], clock: Callable[[], float]) -> None:
        self.names = ConfirmedNames()
        self._mount = mount
        self._statements = _Statements(clock)
        self._database = database_of(settings)
        self._own_address = address_of(f"http://{settings.listen}")
        self._upstream_address = address_of(settings.upstream)

    # Requests: spans of an HTTP server.

    def request_start(self, event: RequestAnswered) -> tuple[str, Attributes]:
        """The name of a request's span, and the attributes on which a sampler may decide."""
        span = event.span
        attributes = self._own_address | _method(span.method)
        route = self._route(span, event.function)
        if not route:
            return _known(span.method), attributes
        return f"{_known(span.method)} {route}", attributes | {ROUTE: route, url_attributes.URL_PATH: route}

    def request_more(self, event: RequestAnswered) -> Attributes:
        """The other attributes of a request's span."""
        span = event.span
        attributes: Attributes = {
            "http.response.body.size": span.size,
            "fanin.outcome": span.outcome.value,
            "fanin.fingerprint": self.names.fingerprint_of(span),
            "fanin.shared": span.shared,
        }
        optional = {"fanin.call": span.call, "fanin.bypass_reason": span.bypass_reason, "fanin.rule": event.saves}
        optional["fanin.fallback_reason"] = span.fallback_reason
        optional |= {"fanin.trace": event.trace, "fanin.caller": span.caller, "fanin.retry": span.retry}
        attributes |= {name: value for name, value in optional.items() if value}
        if span.status > 0:
            attributes[STATUS] = span.status
        if span.rows >= 0:
            attributes[RETURNED_ROWS] = span.rows
        if has_confirmed_names(span) and span.relation:
            attributes[db.DB_COLLECTION_NAME] = span.relation
        if event.fault or span.status >= 500:
            attributes[error_attributes.ERROR_TYPE] = event.fault or str(span.status)
        return attributes

    def _route(self, span: Span, function: str) -> str:
        """The path that PostgREST has for the relation or function; empty if its name is not confirmed."""
        if not has_confirmed_names(span):
            return ""
        mount = self._mount().rstrip("/")
        if function:
            return f"{mount}/rpc/{function}"
        name = span.relation.partition(".")[2]
        return f"{mount}/{name}" if name else ""

    # Calls: spans of a database client.

    def call_start(self, called: UpstreamCalled) -> tuple[str, Attributes]:
        """The name of a call's span, and the attributes on which a sampler may decide."""
        attributes = self._upstream_address | _method(called.method)
        if called.kind in OUTSIDE or called.method not in OPERATIONS:
            return _known(called.method), attributes
        described = self.operation(called)
        statement = self._statement(called, str(described.get(db.DB_COLLECTION_NAME, "")))
        if statement.text:
            described |= {db.DB_QUERY_TEXT: statement.text, db.DB_QUERY_SUMMARY: statement.summary}
        name = described.get(db.DB_QUERY_SUMMARY) or described.get(db.DB_OPERATION_NAME) or "postgresql"
        return str(name), attributes | described

    def call_more(self, called: UpstreamCalled, answered: int) -> Attributes:
        """The other attributes of the span of a call that answered so many requests."""
        attributes: Attributes = {"fanin.kind": called.kind}
        if called.status > 0:
            attributes[STATUS] = called.status
        if called.call:
            attributes["fanin.call"] = called.call
        if answered > 1:  # one operation on many keys, and so no db.operation.batch.size
            attributes["fanin.batch.size"] = answered
        return attributes | failure(called)

    def metric(self, called: UpstreamCalled, collections: "Capped") -> Attributes | None:
        """The attributes of db.client.operation.duration; None for what is no operation of the database."""
        if called.kind in OUTSIDE or called.method not in OPERATIONS:
            return None
        described = self.operation(called)
        collection = str(described.get(db.DB_COLLECTION_NAME) or described.get(db.DB_STORED_PROCEDURE_NAME) or "")
        if collection and not collections.has(collection):
            operation = str(described[db.DB_OPERATION_NAME])
            described = {
                db.DB_SYSTEM_NAME: described[db.DB_SYSTEM_NAME],
                db.DB_OPERATION_NAME: operation,
                db.DB_QUERY_SUMMARY: operation,
            }
        address = {key: value for key, value in self._upstream_address.items() if key.startswith("server.")}
        return described | address | failure(called)

    def operation(self, called: UpstreamCalled) -> Attributes:
        """What the database does, without the statement. Names are left out until PostgREST has accepted them."""
        found: Attributes = {db.DB_SYSTEM_NAME: "postgresql"}
        accepted = 200 <= called.status < 300
        if called.function:
            found[db.DB_OPERATION_NAME] = "SELECT"
            found[db.DB_QUERY_SUMMARY] = summary_of("SELECT", called.function if accepted else "")
            if accepted:
                found[db.DB_STORED_PROCEDURE_NAME] = called.function
            return self._in_namespace(found, "")
        if not called.relation:
            return self._in_namespace(found, "")
        operation = OPERATIONS[called.method]
        is_known = accepted or self.names.shown_relation(called.relation) == called.relation
        found[db.DB_OPERATION_NAME] = operation
        found[db.DB_QUERY_SUMMARY] = summary_of(operation, called.relation if is_known else "")
        if is_known:
            found[db.DB_COLLECTION_NAME] = called.relation
        return self._in_namespace(found, called.relation.partition(".")[0] if is_known else "")

    def _in_namespace(self, found: Attributes, schema: str) -> Attributes:
        """With ``database|schema``, or what is known of the two."""
        namespace = "|".join(filter(None, (self._database, schema)))
        return found | {db.DB_NAMESPACE: namespace} if namespace else found

    def _statement(self, called: UpstreamCalled, relation: str) -> QueryText:
        accepted = 200 <= called.status < 300
        if not relation or not called.fingerprint or not (accepted or self.names.may_show(called.fingerprint)):
            return QueryText("", "")
        return self._statements.of(called.fingerprint, relation, called.merged_by)


class Capped:
    """The first ``most`` names, so that the label values of a metric are bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the name is, or can become, one of them."""
        if name not in self._names and len(self._names) < self._most:
            self._names.add(name)
        return name in self._names


class _Statements:
    """The texts of recent statements, of which few new ones are written per second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        query_text("GET t?a=eq.?", "t")  # the first text takes 40 ms, because tables of the library are filled
        self._clock = clock
        self._texts: OrderedDict[tuple[str, str], QueryText] = OrderedDict()
        self._second = 0
        self._written = 0

    def of(self, fingerprint: str, relation: str, merged_by: str) -> QueryText:
        key = (fingerprint, merged_by)
        found = self._texts.get(key)
        if found is not None:
            return found
        second = int(self._clock())
        self._written = self._written + 1 if second == self._second else 1
        self._second = second
        if self._written > NEW_TEXTS_PER_SECOND:
            return QueryText("", "")
        found = self._texts[key] = query_text(fingerprint, relation, merged_by)
        if len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)
        return found


def failure(called: UpstreamCalled) -> Attributes:
    """``error.type``, and the SQLSTATE if there is one; empty for a call that succeeded.

    ``error.type`` is the code of PostgREST's or Postgres' error, else the status; without an answer fanin's own code.
    """
    if called.status == NO_ANSWER:
        error = called.fault.fault.code if called.fault else "no_answer"
    elif called.status == CANCELLED:
        error = "cancelled"
    elif called.status >= 400:
        error = called.error_code or str(called.status)
    else:
        return {}
    attributes: Attributes = {error_attributes.ERROR_TYPE: error}
    if is_sqlstate(called.error_code):
        attributes[db.DB_RESPONSE_STATUS_CODE] = called.error_code
    return attributes


def database_of(settings: Settings) -> str:
    """The name of the database: ``otlp.database``, else that of ``db_uri``; empty if it is not known."""
    if settings.otlp.database or settings.db_uri is None:
        return settings.otlp.database
    path = urlsplit(settings.db_uri.get_secret_value()).path
    return path[1:] if path[1:].replace("_", "").replace("-", "").isalnum() else ""


def address_of(url: str) -> Attributes:
    """The attributes of a server's address."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return {
            url_attributes.URL_SCHEME: "http",
            server_attributes.SERVER_ADDRESS: parts.path,
            network_attributes.NETWORK_TRANSPORT: "unix",
        }
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        url_attributes.URL_SCHEME: parts.scheme,
        server_attributes.SERVER_ADDRESS: parts.hostname or "",
        server_attributes.SERVER_PORT: port,
    }


def _known(method: str) -> str:
    return method if method in METHODS else "HTTP"


def _method(method: str) -> Attributes:
    return {METHOD: method if method in METHODS else "_OTHER"}
