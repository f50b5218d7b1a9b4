"""Shell: the I/O around the steps that decide. Sockets, timers, pools and tasks live here and nowhere else."""
