"""``fanin audit``: the workload and the database, in one report."""
