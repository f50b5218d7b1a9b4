"""``fanin explain``: a rule, a reason, an error code, a finding, or one request and its plan."""
