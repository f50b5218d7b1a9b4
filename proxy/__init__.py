"""fanin: an async HTTP sidecar in front of PostgREST that answers many N+1 reads with one call.

A request goes through these steps; ``sidecar/pipeline.py`` is the only file that knows all of them::

    client ─▶ server ─▶ identity ─▶ fingerprint ─▶ trace ─▶ batch ─▶ plan ─▶ upstream ─▶ demultiplex ─▶ client

The folders, from the top down, each with its question. A folder imports only folders below it: the table in
tests/test_imports.py says which. The folders that decide are pure: no clock, no socket, no log. The others do the I/O.

``commands``
    How is fanin started and queried? The command line, one file per command, or a folder (``audit``, ``explain``,
    ``mcp``).
``reference``
    What do the pages of docs/reference say? They and parts of README.md are generated from the code.
``mcp``
    What can an agent ask fanin? The tools of ``fanin mcp``, which read findings and traces and change nothing.
``demo``
    How is a real Postgres and PostgREST with the RetroMuscle workload started? The extra `demo`.
``capture``
    How is a command run behind fanin? ``fanin capture``: its variables, its processes, its sidecar and its report.
``doctor``
    Is a set-up sound, and which settings are worth changing? ``fanin doctor``: questions to upstream, and a verdict.
``admin``
    What can be seen of a running fanin? The admin port: who has access, pages, API, metrics.
``receiver``
    How do spans of instrumented applications become traces? OpenTelemetry, from files and over HTTP.
``sidecar``
    What is one running fanin? Its parts, the pipeline that every request goes through, its background work.
``merging``
    How does one call answer many requests? Windows, merged and shared calls: the I/O around ``path``. ``comparing``
    has comparison with originals, ``kept`` answers that are kept for later requests.
``server``
    What do clients send? The data port: requests read off client connections.
``upstream``
    How is PostgREST called, and what is known of it? The HTTP client, its pools and health, and ``facts``: what was
    read of PostgREST and its database.
``database``
    How is the database itself read? Its schema and statistics, by read-only statements, with what could not be read.
    What is tried there (indexes, writes as an API role) is rolled back.
``transport``
    How do bytes move? TCP, TLS and unix connections, listeners, tunnels.
``recording``
    How are traces kept on disk? The format, its writer and its reader.
``explain``
    How would fanin handle one request? ``fanin explain 'GET /t?id=eq.1'``.
``audit``
    What does the traffic show about the workload? The report of ``fanin audit``, and ``formats``.
``check``
    Do traces keep to their budgets? The verdict of ``fanin check``, in the formats that builds read.
``traces``
    Which spans belong together? Spans grouped into traces, the traces kept in memory, and the cost of a trace.
``observe``
    What happened? Events, and their readers: metrics, log, OTLP.
``path``
    What is done with a request? The decisions of the data path, as pure functions and state machines: ``reading`` a
    request, ``batches`` that share a call, the ``answers`` that each gets, ``evidence`` that these are right, answers
    that are ``kept``, and ``overload``.
``settings``
    How is fanin configured? Every setting, where it comes from, how it is shown, overridden and reloaded.
``fixes``
    How is a problem fixed? The code that findings print, as SQL, supabase-js and supabase-py: ``loops`` and ``writes``
    (one call for many), ``reads`` (single reads), over ``clients`` and ``sql`` (how each language says it).
``analysis``
    What is a rule, and what do spans and the workload show? The questions that several rules ask: ``patterns`` of
    similar requests, where ``values`` came from, ``estimates`` of what a cure saves.
``advisor``
    Which indexes would the workload gain from? Candidates, what existing indexes serve, and the fewest that help.
``findings``
    What did the rules find? Findings, the ones kept in memory, and the ones that are ignored.
``plans``
    What does a plan of Postgres say? Trees from EXPLAIN, in words, and the values to plan for.
``schema``
    What does the database look like? Its schema, statistics, policies and privileges, as values.
``sql``
    Which SQL does a request stand for? Statements to read, and the ones to plan.
``postgrest``
    What do requests and answers of PostgREST mean? Each fact once, over bytes.
``http1``
    What do the bytes of an HTTP/1.1 message mean (RFC 9112)? Heads, body framing, chunks.
``errors``
    What does fanin itself say when something is wrong? Codes, reasons, remedies, and its error answers.
``text``
    How is text written for people? What a client controls, in a terminal, a log line, Markdown; and counts.

Beside them stand ``model`` (the values that the steps hand to each other), ``allowed_differences`` (all ways in which
an answer through fanin may differ from PostgREST's own), ``bounded_table`` (a table with a limit in bytes), the
sizes of a loop's fetches (``prefetch_size``), and ``settings_base`` (building blocks of the tables of settings). The
package ``rules`` (one file per rule) is below ``settings``: that folder collects the levels and thresholds of rules.

Words: a *query* is a parsed request; its *fingerprint* is the query without its literals; the
*identity* is everything else that the database could see of the caller. A *window* gathers requests with one
fingerprint and identity into a *batch*; a *plan* says which calls serve the batch.
"""

__version__ = "0.2.0"
