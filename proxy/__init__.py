"""fanin: an async HTTP sidecar in front of PostgREST that folds N+1 reads into one call.

The line a request walks, one file a step::

    client ─▶ server ─▶ identity ─▶ fingerprint ─▶ trace ─▶ window ─▶ plan ─▶ upstream ─▶ split ─▶ client

``model`` ``findings`` ``errors`` ``config`` ``sections``
    values: what the steps hand to each other, and the tables of codes and settings.
``http1``
    kit: everything we know of HTTP/1.1 messages as bytes. Pure.
``postgrest``
    kit: everything we know of PostgREST: targets, literals, set filters, Content-Location, media. Pure.
``fixes``
    kit: the code that a finding prints: SQL, supabase-js, supabase-py. Pure.
``path``
    the steps that decide. Pure: no clock, no socket, no log; time comes in as an argument.
``shell``
    the I/O around them: sockets, timers, pools, the admin port.
``observe``
    readers of events: metrics, log, trees. Never on the line.
``explain``
    what would become of one request, told by the rooms' own code. Pure.
``check``
    traces held against budgets: a build's gate. Pure.
``audit``
    what traces say of the workload: a report in five formats. Pure.
``demo``
    real servers and the RetroMuscle workload, before and after.

Words: a *query* is a request that we understood; its *fingerprint* is the query without its literals; a *cut* is
the request without one literal; the *identity* is everything else that the database could see of the caller. A
*window* gathers look-alikes into a *batch*; a *plan* says which calls serve it; the *split* gives rows back to
their owners. A *refusal* is the reason why a request was left alone.
"""

__version__ = "0.1.0"
