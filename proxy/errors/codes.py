"""fanin's error codes, and its reasons for not merging, for falling back and for comparison results.

The body of an error has PostgREST's shape (https://postgrest.org/en/v12/references/errors.html): ``code``,
``details``, ``hint``, ``message``, so that client libraries show it like any other error.
"""

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One error: its code, its HTTP status and reason phrase, what happened, and what to do."""

    code: str
    status: int
    reason: str
    message: str
    hint: str

    @property
    def remedy(self) -> str:
        """What an operator can do: the hint, unless that is only for the caller of a request."""
        return OPERATOR_REMEDIES.get(self.code, self.hint)


OPERATOR_REMEDIES = {
    "FANIN502": "See upstream's log, and check whether --upstream needs https://.",
    "FANIN504": "Check that --upstream names PostgREST's port, and look for slow queries.",
}
"""What an operator can do about faults whose hint is for the caller."""


FAULTS = {
    fault.code: fault
    for fault in (
        Fault(
            "FANIN101",
            400,
            "Bad Request",
            "The request line is not METHOD SP TARGET SP HTTP/1.x",
            "Send one token, one target without blanks or control characters, and HTTP/1.1.",
        ),
        Fault(
            "FANIN102",
            400,
            "Bad Request",
            "A header line is malformed",
            "Each line is NAME ':' VALUE without folding, NUL or stray control characters.",
        ),
        Fault(
            "FANIN103",
            400,
            "Bad Request",
            "The length of the request body is ambiguous",
            "Send either one unsigned Content-Length or 'Transfer-Encoding: chunked', never both.",
        ),
        Fault(
            "FANIN104",
            400,
            "Bad Request",
            "A chunk of the request body is malformed",
            "Each chunk is SIZE-IN-HEX CRLF DATA CRLF; the last has size 0.",
        ),
        Fault(
            "FANIN105",
            400,
            "Bad Request",
            "The Connection header names a field that must reach the server",
            "Connection may name only hop-by-hop fields, such as close, keep-alive and upgrade.",
        ),
        Fault(
            "FANIN106",
            400,
            "Bad Request",
            "An HTTP/1.1 request carries exactly one Host header with a valid value",
            "Send Host once: the name or address of the server, and its port if it has one.",
        ),
        Fault(
            "FANIN107",
            405,
            "Method Not Allowed",
            "CONNECT, TRACE and PRI are not proxied",
            "Send these requests to the server directly.",
        ),
        Fault(
            "FANIN108",
            408,
            "Request Timeout",
            "The request did not arrive in time",
            "See timeouts.head and timeouts.body_idle.",
        ),
        Fault(
            "FANIN109",
            431,
            "Request Header Fields Too Large",
            "The request head is larger than fanin accepts",
            "Shorten the URL or the headers; PostgREST itself accepts 51,202 bytes. `details` names the limit.",
        ),
        Fault(
            "FANIN110",
            505,
            "HTTP Version Not Supported",
            "fanin supports only HTTP/1.0 and HTTP/1.1",
            "Use HTTP/1.1.",
        ),
        Fault(
            "FANIN111",
            501,
            "Not Implemented",
            "fanin supports only the transfer coding 'chunked'",
            "Send the body with Content-Length or chunked.",
        ),
        Fault(
            "FANIN112",
            503,
            "Service Unavailable",
            "The number of client connections has reached limits.connections",
            "Raise limits.connections, or look for clients that do not close their connections.",
        ),
        Fault(
            "FANIN117",
            417,
            "Expectation Failed",
            "fanin supports only the expectation '100-continue'",
            "Send 'Expect: 100-continue', or no Expect.",
        ),
        Fault(
            "FANIN501",
            502,
            "Bad Gateway",
            "fanin could not connect to the upstream server",
            "Check that PostgREST runs and that --upstream names its address.",
        ),
        Fault(
            "FANIN502",
            502,
            "Bad Gateway",
            "The upstream server closed the connection before its answer was complete",
            "If this was a write, it may have been executed: read before you repeat it. See upstream's log.",
        ),
        Fault(
            "FANIN503",
            502,
            "Bad Gateway",
            "The upstream server's answer is not valid HTTP",
            "Check that --upstream names an HTTP/1.1 server, and whether it needs https://.",
        ),
        Fault(
            "FANIN504",
            504,
            "Gateway Timeout",
            "The upstream server did not answer in time",
            "If this was a write, it may have been executed. `details` names the setting; look for slow queries.",
        ),
        Fault(
            "FANIN505",
            503,
            "Service Unavailable",
            "Every connection to the upstream server is busy and the queue is full",
            "Try again; raise pool.calls together with PostgREST's db-pool, or limits.queue.",
        ),
        Fault(
            "FANIN506",
            504,
            "Gateway Timeout",
            "fanin could not connect to the upstream server in time",
            "Check the network between fanin and --upstream; see timeouts.connect.",
        ),
        Fault(
            "FANIN507",
            504,
            "Gateway Timeout",
            "The request waited for a connection to the upstream server for longer than timeouts.queue",
            "Nothing was sent: try again. Look for slow queries; raise pool.calls together with PostgREST's db-pool.",
        ),
        Fault(
            "FANIN508",
            508,
            "Loop Detected",
            "This request has already passed through this fanin",
            "--upstream leads back to fanin's own listener: set it to the address of PostgREST.",
        ),
        Fault(
            "FANIN509",
            503,
            "Service Unavailable",
            "fanin has no file descriptor left for a connection to the upstream server",
            "Raise the limit of fanin's process (ulimit -n; LimitNOFILE= in systemd), or lower limits.connections.",
        ),
        Fault(
            "FANIN510",
            502,
            "Bad Gateway",
            "The upstream server's TLS certificate was refused",
            "If a CA of your own signed it, name the CA's PEM file with --upstream-ca. The certificate must be for the "
            "host that --upstream names.",
        ),
        Fault(
            "FANIN511",
            502,
            "Bad Gateway",
            "It is not known whether this write was executed",
            "Read the row before you repeat the write. fanin sent it together with others and got no usable answer; "
            "`details` says why.",
        ),
        Fault(
            "FANIN512",
            503,
            "Service Unavailable",
            "The upstream server cannot be reached, and fanin waits before it tries again",
            "Nothing was sent: try again after Retry-After. See fanin's log, and overload.circuit_wait.",
        ),
        Fault(
            "FANIN513",
            503,
            "Service Unavailable",
            "The upstream server gets more calls than it can handle, and this one was refused",
            "Nothing was sent: try again after Retry-After. Look for slow queries; see overload.target.",
        ),
        Fault(
            "FANIN599",
            502,
            "Bad Gateway",
            "An internal error occurred in fanin",
            "This is a bug in fanin: its log has the traceback.",
        ),
    )
}


NOT_SENT_CODES = frozenset(("FANIN112", "FANIN501", "FANIN505", "FANIN507", "FANIN509", "FANIN512", "FANIN513"))
"""Errors after which upstream has not received the request: it can be repeated, and Retry-After says so."""
REFUSED_CODES = frozenset(("FANIN512", "FANIN513"))
"""Those of overload control. Their Retry-After is random: clients are not to repeat all at once."""
WAITED_CODES = REFUSED_CODES | {"FANIN507"}
"""Errors of a merged or shared call that all its requests get: each alone would wait as long, and add load."""
MAYBE_SENT_CODES = frozenset(("FANIN502",))
"""Errors after which upstream may have received the request: only a read may be repeated."""


class FaultError(Exception):
    """A request or an upstream answer that fanin rejects; ``fault`` is its row in ``FAULTS``.

    ``details`` never contains text that a client sent.
    """

    def __init__(self, code: str, details: str | None = None, retry_after: int = 1) -> None:
        """``retry_after``: seconds for the header, in answers that have it."""
        super().__init__(code, details)
        self.retry_after = retry_after
        self.fault = FAULTS[code]
        self.details = details


BYPASS_REASONS = {
    "mode": "mode is not rewrite, or FAN001 is not at level rewrite.",
    "off": "The request has the header X-Fanin: off.",
    "outside-mount": "The path is not under the mount.",
    "not-a-relation": "The path is the root, an RPC, or not one segment under the mount.",
    "method": "Only reads are merged: GET, and HEAD with Prefer: count=exact.",
    "head": "A HEAD is merged only with count=exact, no limit, and a select of one column, or of all of a table.",
    "http-1.0": "The request uses HTTP/1.0.",
    "body": "The request is a GET with a body.",
    "expect": "The request has an Expect header.",
    "accept": "By the Accept header PostgREST answers in another format than JSON rows, or its choice is not certain.",
    "range": "The Range header skips rows, or is not FIRST-LAST in plain numbers.",
    "count": "Prefer asks for a planned or estimated count, or for several counts.",
    "limit": "The query has several limits, or a limit that is not a plain number from 1 to 999999999.",
    "offset": "The query has an offset other than 0.",
    "aggregate": "The select has an aggregate: id.max(), count(), or count beside others where that is no column.",
    "select": "The select does not begin with an item (it is empty, or PostgREST ignores it), or ends with a comma.",
    "repeated": "select, or every key, occurs more than once.",
    "semicolon": "The query has a ';', which is a separator in PostgREST 12.",
    "encoding": "The query has a NUL, or bytes that are not UTF-8.",
    "too-long": "The target is longer than merge.max_url, has more than 300 parameters, or a name is too long.",
    "no-key": "No top-level filter is column=eq.value, or column=in.(…) of one value or with an order by columns.",
    "literal": "No value is one that its column's type has and prints as it is written here, or the type is unknown.",
    "paused": "Merging this query for this caller failed recently; it resumes after a pause.",
    "mismatch-paused": "A comparison found a wrong merged answer for this query; merging resumes after a pause.",
    "mismatched": "Merged answers by this column differ from PostgREST's, as for some foreign tables and views.",
    "foreign-table": "The query reads a foreign table, itself or through views or partitions: its wrapper may answer"
    " column = value and not a list.",
    "volatile-view": "A view that the query reads calls a volatile function or samples at random: its rows may differ"
    " each time.",
    "volatile-column": "The query uses a computed column or relationship whose function is volatile.",
    "volatile-policy": "A row security policy of a table that the query reads calls a volatile function.",
    "security-barrier": "The query reads a security_barrier view, which Postgres may not merge with conditions.",
    "rules": "The relation has rewrite rules other than that of a view.",
    "recent-writes": "Keys have several rows without an order, and clients write: a write is in flight, or proving the"
    " order again after each cost more than it saved; resumes after a pause.",
    "large-rows": "Answers for one key are larger than merge.max_key_body.",
    "oversized": "The head is larger than upstream accepts, and FAN005 is not at level rewrite.",
    "list": "The head is too large, but not because of one in.(…) of canonical integers or UUIDs on a plain column.",
    "list-order": "The query with the long list is ordered by something else than the list's column alone.",
    "list-total": "The query with the long list has a limit or a count, or asks for a single object.",
    "chunk-limit": "The rest of the target leaves too few bytes for the parts of the long list.",
    "differing-header": "Similar reads were in flight, but a request header differs in each; the log names it.",
    "write-form": "The write is not a PATCH with a JSON object of at most 16 kB, or a DELETE without a body; or it has"
    " preferences other than return, parameters other than filters and columns to select, or conditions.",
    "write-key": "No filter is column=eq.value on a column that the catalog shows as a unique integer or uuid, or the"
    " body sets that column.",
    "write-table": "The catalog (db_uri) does not show the relation as a table without rewrite rules and triggers per"
    " statement, or a gateway stands before PostgREST.",
    "busy": "More (fingerprint, identity) pairs are in flight than merge.max_tracked.",
}
"""Why a request was not merged: the values of the label of ``bypassed_total``, with their help texts."""

FALLBACK_REASONS = {
    "status": "The status of the merged call's answer was not 200.",
    "shape": "The merged body is not an array of rows with the hidden key first.",
    "unexpected-key": "The key of a row is not one of the requested literals.",
    "char": 'A one-character key could match several literals, because the column could have the type "char".',
    "headers": "The merged or shared answer has a header that may not be the same for every caller.",
    "incomplete": "Rows may have been cut at max-rows.",
    "limit": "All keys together have more rows than their limits allow, so some key has more rows than its limit.",
    "ties": "A key has several rows, and their order in a separate answer is not certain.",
    "several-rows": "Keys have several rows without an order; they were merged again, with the addresses of the rows.",
    "too-large": "The merged or shared body is larger than merge.max_body.",
    "unavailable": "A shared call was answered 502, 503 or 504 with an error that may not concern every caller.",
    "bad-value": "A literal was not of the column's type; the other literals were merged again.",
    "no-template": "The caller wants one object, there is none or several, and PostgREST's 406 is not known yet.",
    "unproven": "The relation is new, and an original that its answer was compared with differs or is missing.",
    "deadline": "The merged call took longer than its deadline.",
    "connection": "The connection of the merged or shared call failed.",
    "refused-size": "A gateway refused the merged call, or may have refused it, because it is too long; "
    "a shorter one was sent.",
    "order": "Upstream orders the rows of a list's parts differently than fanin orders their literals.",
    "load": "In mode shadow only: callers waited for upstream, so the merged call was not sent.",
    "write-refused": "PostgREST refused the merged write, which changed nothing: its writes were sent alone.",
    "bug": "fanin failed on the merged or shared answer; its log has the traceback.",
}
"""Why a merged or shared answer was not used and the originals were sent: the label of ``fallbacks_total``."""

COMPARISON_RESULTS = {
    "match": "The merged answer is the same as the original, apart from the allowed differences.",
    "mismatch": "They differed three times while the original stayed the same: merging this query is paused, and"
    " merging by its key column ends until the schema changes or fanin restarts. If only the order of rows without an"
    " order differed, this concerns keys with several rows.",
    "unstable": "They differed, but the originals differed too, or not every time: another client writes to the rows.",
    "unusable": "fanin did not use the merged answer, so there was nothing to compare.",
    "skipped": "Not compared: upstream was busy, the byte budget was used up, the answer was compressed, or its caller "
    "disconnected.",
    "failed": "Not compared: upstream did not answer, or fanin failed.",
}
"""The result of comparing a merged answer with the original: the values of the label of ``shadow_total``."""
