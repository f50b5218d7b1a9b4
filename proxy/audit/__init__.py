"""What does traffic say of the workload? The report of ``fanin audit``, in five formats."""
