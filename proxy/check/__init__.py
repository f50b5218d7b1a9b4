"""Do traces keep to their budgets? The verdict of ``fanin check``, in the formats that builds read."""
