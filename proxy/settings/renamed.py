"""Renamed settings. The old name is an error in a file or flag; in the environment it is a warning."""

RENAMED = {
    "detect.every": "detect.interval",
    "drain.silence": "drain.idle",
    "merge.replays": "merge.fallbacks",
    "merge.row_evidence": "merge.max_rows_lifetime",
    "otlp.end": "otlp.flush_timeout",
    "rules.oversized_in_list.at_once": "rules.oversized_in_list.concurrent_lists",
    "rules.oversized_in_list.parallel": "rules.oversized_in_list.concurrent_chunks",
    "shadow.max_held": "shadow.max_bytes",
}
"""New dotted name by old dotted name."""
