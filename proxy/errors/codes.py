"""What fanin itself says when something is wrong: one table of codes, each with its help text.

The body has PostgREST's shape (https://postgrest.org/en/v12/references/errors.html): ``code``, ``details``,
``hint``, ``message``, so that client libraries show it as they show any other error.
"""

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One row of the table: the HTTP status, what happened, and what to do about it."""

    code: str
    status: int
    reason: str
    message: str
    hint: str


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
            "An HTTP/1.1 request carries exactly one Host header",
            "Send Host once.",
        ),
        Fault(
            "FANIN107",
            405,
            "Method Not Allowed",
            "CONNECT and TRACE are not proxied",
            "Talk to the server itself for these.",
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
            "The request head is larger than fanin takes",
            "Shorten the URL or the headers; PostgREST itself takes 51,202 bytes. `details` names the limit.",
        ),
        Fault(
            "FANIN110",
            505,
            "HTTP Version Not Supported",
            "Only HTTP/1.0 and HTTP/1.1 are spoken here",
            "Use HTTP/1.1.",
        ),
        Fault(
            "FANIN111",
            501,
            "Not Implemented",
            "Only the transfer coding 'chunked' is understood",
            "Send the body with Content-Length or chunked.",
        ),
        Fault(
            "FANIN112",
            503,
            "Service Unavailable",
            "fanin holds as many client connections as limits.connections allows",
            "Raise limits.connections, or look for clients that never close.",
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
            "Check that --upstream names an HTTP/1.1 server, and whether it wants https://.",
        ),
        Fault(
            "FANIN504",
            504,
            "Gateway Timeout",
            "The upstream server did not answer in time",
            "If this was a write, it may have been executed. See timeouts.upstream_head and slow queries.",
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
            "FANIN508",
            508,
            "Loop Detected",
            "This request has been through this fanin already",
            "--upstream leads back to fanin's own listener: point it at PostgREST.",
        ),
        Fault(
            "FANIN599",
            502,
            "Bad Gateway",
            "fanin failed on this request",
            "This is a bug in fanin: its log has the traceback.",
        ),
    )
}


NOT_SENT_CODES = frozenset(("FANIN112", "FANIN501", "FANIN505"))
"""Upstream never saw the request: to repeat it does no harm, and Retry-After says so."""
MAYBE_SENT_CODES = frozenset(("FANIN502",))
"""Upstream may have seen it: only a read may be repeated."""


class FaultError(Exception):
    """A request or an upstream answer that fanin must turn down; carries the row of the table that says why.

    ``details`` never quotes what a client sent.
    """

    def __init__(self, code: str, details: str | None = None) -> None:
        super().__init__(code, details)
        self.fault = FAULTS[code]
        self.details = details


BYPASS_REASONS = {
    "mode": "fanin runs with mode=observe or mode=shadow, or FAN001 is not at level rewrite.",
    "off": "The request says X-Fanin: off.",
    "outside-mount": "The path is not PostgREST's.",
    "not-a-relation": "The path is the root, an RPC, or not one segment under the mount.",
    "method": "Only GET is merged.",
    "http-1.0": "The request speaks HTTP/1.0.",
    "body": "A GET with a body is passed on as it is.",
    "expect": "The request carries Expect.",
    "accept": "The Accept header asks for something else than JSON rows, or leaves PostgREST a choice.",
    "range": "The request carries a Range header.",
    "count": "Prefer asks for a planned or estimated count, or for several.",
    "limit": "The query has several limits, or one that is not a plain number above 0.",
    "offset": "The query has an offset.",
    "aggregate": "The select has an aggregate, or parentheses that could be one.",
    "select": "The select is empty, begins with a blank, or begins or ends with a comma.",
    "repeated": "select, or every key, occurs more than once.",
    "semicolon": "The query has a ';', which PostgREST 12 takes as a separator.",
    "encoding": "The query holds a NUL, or bytes that are not UTF-8.",
    "too-long": "The target is longer than merge.max_url.",
    "no-key": "No top-level filter is column=eq.value, or column=in.(values) under an order by plain columns.",
    "literal": "No value is one that its column's type has one spelling for, as far as the type is known.",
    "paused": "Merging this query for this caller failed lately; it is tried again after a pause.",
    "mismatch-paused": "A comparison found a wrong merged answer to this query: after a pause it is tried again.",
    "large-rows": "Answers for one key are larger than merge.max_key_body.",
    "oversized": "The head is longer than upstream takes, and FAN005 is not at level rewrite.",
    "list": "No one in.(…) of canonical integers or UUIDs on a plain column is what makes a head over-long.",
    "list-order": "An over-long list is ordered by something else than its own column alone.",
    "list-total": "A limit, a count or a single object is asked of an over-long list as a whole.",
    "chunk-limit": "What stands beside an over-long list leaves too little room for parts of it.",
    "busy": "More (fingerprint, identity) pairs are in flight than merge.max_tracked.",
}
"""Why a request was not merged. Every reason that the metric ``bypassed_total`` can name, with its help text."""

FALLBACK_REASONS = {
    "status": "The merged call was not answered 200.",
    "shape": "The merged body is not an array of rows with the hidden key first.",
    "unexpected-key": "A row's key is none of the literals that were asked for.",
    "char": 'A one-character key could stand for several literals, as the type "char" does.',
    "headers": "The merged or shared answer has a header that is not known to be the same for every caller.",
    "incomplete": "Rows may have been cut at max-rows.",
    "limit": "The rows of all keys together were more than their limits allow, so some key has more than its own.",
    "ties": "A key has several rows, and their order alone is not certain.",
    "too-large": "The merged or shared body is larger than merge.max_body.",
    "unavailable": "A shared call was answered 502, 503 or 504, and not in words that hold for every caller.",
    "bad-value": "A literal was not of the column's type: those that are were merged again.",
    "deadline": "The merged call took longer than its deadline.",
    "connection": "The connection of the merged or shared call failed.",
    "order": "Upstream does not put the parts of a list in the order that their literals have.",
    "load": "In mode shadow only: callers waited for upstream, so the merged call was not made.",
    "bug": "fanin failed on the merged or shared answer; its log has the traceback.",
}
"""Why a merged or shared answer was not used and the originals were sent: values of ``fallbacks_total``'s label."""

COMPARISON_RESULTS = {
    "match": "The merged answer and the original are the same, as law 1 has it.",
    "mismatch": "They differ, and did twice more while the original stayed the same: merging this query is paused.",
    "unstable": "They differed, but so did the originals, or not the next time: somebody writes to these rows.",
    "unusable": "fanin refused the merged answer itself, so that there was none to compare.",
    "skipped": "Not compared: upstream was busy, too much was held, the answer was compressed, or its caller left.",
    "failed": "Not compared: upstream gave no answer, or fanin failed.",
}
"""What came of comparing a merged answer with the original: the values of ``shadow_total``'s label."""
