"""Scenarios that were labelled without a look at the rules' code: how right the rules are where nobody tuned them."""
