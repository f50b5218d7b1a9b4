"""What would become of one request? ``fanin explain 'GET /t?id=eq.1'``.

``request``
    the request on the command line, as bytes.
``keys``
    for each key: with what the request would merge, and what has to be known for that. The rooms' own code answers.
``facts``
    all that there is to tell, as values.
``text``
    the same to read.
"""
