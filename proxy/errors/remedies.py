"""One remedy for each bypass reason and each fallback reason of ``errors.codes``.

Tests: tests/errors/test_codes.py.
"""

BYPASS_REMEDIES = {
    "mode": "Set mode and rules.fan001 to rewrite, once mode shadow has found no mismatch.",
    "off": "Remove the header X-Fanin: off.",
    "outside-mount": "Call PostgREST under its mount, which --mount sets and the start line of the log shows.",
    "not-a-relation": "Read a table or view: /relation?column=eq.value. Let an RPC accept an array of keys.",
    "method": "Use GET to read. Write many rows in one call: POST an array; PATCH or DELETE with column=in.(…).",
    "http-1.0": "Use HTTP/1.1 (nginx: proxy_http_version 1.1).",
    "body": "Send GET without a body: no Content-Length above 0, no Transfer-Encoding.",
    "expect": "Remove Expect; it concerns the body, and a read has none.",
    "accept": "Send one Accept line: */*, application/json, or application/vnd.pgrst.object+json; no list, no CSV.",
    "range": "Remove Range: limit=N in the query asks for the first N rows.",
    "count": "Ask for count=exact once, or for no count.",
    "limit": "Use one limit, written limit=N, with N from 1 to 999999 in plain digits.",
    "offset": "Page by key instead: order=id&id=gt.LAST&limit=N. Remove offset=0.",
    "aggregate": "Read all keys in one call: select=key,amount.sum()&key=in.(…); or count embedded rows: kids(count).",
    "select": "Write select=a,b without blanks or commas at its ends; remove an empty select.",
    "repeated": "Use select and each column once; put further conditions on a column into and=(a.gt.1,a.lt.9).",
    "semicolon": "Write a ';' as %3B, and separate parameters with '&'.",
    "encoding": "Percent-encode text as UTF-8, without %00: a text in Postgres cannot contain NUL.",
    "too-long": "Ask for fewer values per call, or raise merge.max_url; PostgREST accepts a head of 51,202 bytes.",
    "no-key": "Filter by the varying value with column=eq.value, once; or use column=in.(…) with an order by columns.",
    "literal": "Write the value as Postgres prints it (7, not 07); let fanin read types (merge.ask_types, db_uri).",
    "paused": "Nothing in the call: fanin_fallbacks_total{reason} names the cause; see `fanin explain REASON`.",
    "mismatch-paused": "Nothing in the call: the log says where the answers differed. Report it.",
    "large-rows": "Select fewer columns or rows per key, or raise merge.max_key_body.",
    "oversized": "Ask for fewer values per call, pass them as an array to an RPC, or set rules.fan005 to rewrite.",
    "list": "Use only one long list, column=in.(1,2,…), of plain integers or of lower-case UUIDs.",
    "list-order": "Order by the list's column only, or sort the rows in the application.",
    "list-total": "Count, limit or select the row in the application, or pass the values as an array to an RPC.",
    "chunk-limit": "Shorten the rest of the request: other filters, the select, headers.",
    "busy": "Raise merge.max_tracked, or find the header that differs in every call and make it neutral.",
}
"""How to change the call or the configuration so that the call is merged: one for each of ``BYPASS_REASONS``."""

FALLBACK_REMEDIES = {
    "status": "See upstream's log for the merged call; rules.fan001 = report stops merging for the relation.",
    "shape": "Something rewrites bodies, or the relation has a media handler: set rules.fan001 to report for it.",
    "unexpected-key": "Let fanin read the column's type and collation from the database (db_uri).",
    "char": "Let fanin read the column's type from the database (db_uri).",
    "headers": "The log names the header. If a gateway adds it, set profile to supabase; else do not set it for reads.",
    "incomplete": "Set merge.max_rows to PostgREST's db-max-rows, so that fanin does not have to determine it.",
    "limit": "End the order with a unique column, or use a limit that is larger than the number of rows of every key.",
    "ties": "End the order with a unique column; or set merge.ties = any if any order is acceptable.",
    "too-large": "Select fewer columns or rows, lower merge.max_keys, or raise merge.max_body.",
    "unavailable": "See the logs of upstream and of the gateway in front of it.",
    "bad-value": "Nothing: the type is now known. PostgREST answers 400 to the requests with such values.",
    "deadline": "Check that the column has an index; raise merge.deadline_factor, or lower merge.max_keys.",
    "connection": "See upstream's log, and fanin_upstream_up.",
    "order": "Remove the order and sort in the application; or set rules.fan005 to report for the relation.",
    "load": "Nothing, unless it happens for every merged call: then raise pool.calls and PostgREST's db-pool together.",
    "bug": "Report it.",
}
"""What to do if a fallback reason is frequent: one for each of ``FALLBACK_REASONS``. One fallback costs one call."""
