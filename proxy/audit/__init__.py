"""What does traffic say of the workload? The report of ``fanin audit`` in each of its formats."""
