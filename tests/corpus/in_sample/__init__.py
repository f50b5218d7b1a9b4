"""Scenarios that the rules were written and changed with. Each rule is to find something in one of them."""
