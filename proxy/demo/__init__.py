"""How are a real Postgres and PostgREST with an example workload (RetroMuscle) started? The extra `demo`."""
