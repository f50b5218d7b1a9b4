"""One file per rule, which exports its ``RULE``. MODULES lists the files in the order in which the rules run.

``proxy/analysis/rule.py`` says what a rule is. Settings, reference pages and reports are generated from RULES.
"""

from importlib import import_module

from proxy.analysis.rule import AnyRule

MODULES = (
    "fan001_n_plus_one_read",
    "fan002_sequential_n_plus_one",
    "fan003_duplicate_read",
    "fan004_n_plus_one_write",
    "fan005_oversized_in_list",
    "fan006_reference_table_read",
    "fan007_list_all_to_find_one",
    "fan008_patch_and_recount",
    "fan009_unbounded_read",
    "fan010_truncated_read",
    "fan011_select_star",
    "fan012_deep_offset",
    "fan013_exact_count",
    "fan014_serial_independent_calls",
    "fan015_chatty_trace",
    "fan016_slow_query",
    "fan017_per_call_header",
    "fan018_n_plus_one_function",
    "fan020_missing_index",
    "fan021_unindexed_foreign_key",
    "fan022_unused_index",
    "fan023_duplicate_index",
    "fan024_no_primary_key",
    "fan025_sequentially_read_table",
    "fan026_rls_disabled",
    "fan027_policy_without_rls",
    "fan028_rls_without_policy",
    "fan029_open_write",
    "fan030_always_true_write_policy",
    "fan031_policy_evaluated_per_row",
    "fan032_policy_column_unindexed",
    "fan033_several_permissive_policies",
    "fan034_definer_view",
    "fan035_definer_function_executable",
    "fan036_exposed_materialized_view",
    "fan037_policy_on_user_metadata",
    "fan038_json_filter_cast",
    "fan039_json_containment_without_gin",
    "fan040_recomputed_aggregate",
    "fan041_stale_statistics",
    "fan042_dead_rows",
    "fan043_connection_pressure",
    "fan044_sensitive_column_exposed",
    "fan045_auth_users_exposed",
    "fan046_function_search_path_mutable",
)

RULES: tuple[AnyRule, ...] = tuple(import_module(f"rules.{name}").RULE for name in MODULES)

TRAFFIC_RULES: tuple[AnyRule, ...] = tuple(rule for rule in RULES if rule.inspect_database is None)
"""Rules whose examples are requests; those of the others are SQL."""
