"""Scenarios that were labelled before anybody saw what the rules find in them.

``first_run.toml`` has what was found on their first day. Where a rule disagreed with a label, ``judged`` in the label
says what was thought of it. Rules that were changed since were changed with these scenarios in sight, too.
"""
