"""SQL identifiers and their quoting, and the names that a relation goes by."""

KEYWORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like
    limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table tablesample then to
    trailing true union unique user using variadic verbose when where window with
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int
    integer interval json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
    json_serialize json_table json_value least merge_action national nchar none normalize nullif numeric out overlay
    position precision real row setof smallint substring time timestamp treat trim values varchar xmlattributes
    xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """.split()  # noqa: SIM905 – one word per line would fill a page
)
"""Words that must be quoted to name a column or table: all of Postgres' keywords except the unreserved ones
(``pg_get_keywords()``; PostgreSQL 18, appendix "SQL Key Words").
"""


def needs_quotes(name: str) -> bool:
    """Whether ``name`` must be quoted: without quotes SQL reads it as a keyword, folds its case, or rejects it."""
    plain = name.replace("_", "a").isalnum() and name.isascii() and name == name.lower() and not name[:1].isdigit()
    return not plain or name in KEYWORDS


def quoted_identifier(name: str) -> str:
    """``name`` as an SQL identifier, quoted if necessary."""
    return '"' + name.replace('"', '""') + '"' if needs_quotes(name) else name


def forms(relation: str, schema: str) -> set[str]:
    """The names that a relation goes by: with its schema, and, in the first one, without, as operators may write it and
    older fanins recorded it.
    """
    if not relation:
        return set()
    return {relation, relation.removeprefix(f"{schema}."), f"{schema}.{relation}"}
