"""Scenarios after patterns of public code, labelled by somebody who had not read the rules, before they were recorded.

``first_run.toml`` has each label and what was found on the first day; it is not changed.
"""
