"""What does fanin do with one given request? ``fanin explain 'GET /t?id=eq.1'``.

``request``
    parses the request of the command line.
``keys``
    says, per key, which requests merge with it and what this depends on, by running ``path.batches.plan``.
``facts``
    collects the whole explanation as values.
``text``
    formats the explanation as text or JSON.
``words``
    explains a rule, a reason or an error code.
"""
