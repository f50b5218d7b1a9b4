"""How is a real Postgres and PostgREST with the RetroMuscle workload started? The extra `demo`."""
