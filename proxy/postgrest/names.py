"""Names as SQL wants them written, and as English has them."""

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
    """.split()  # noqa: SIM905 – a line a word would be a page
)
"""Words that stand for something else than a column or table where they are not quoted: all of Postgres' keywords but
the unreserved ones (``pg_get_keywords()``; PostgreSQL 18, appendix "SQL Key Words").
"""


def needs_quotes(name: str) -> bool:
    """Whether SQL would take ``name`` for something else, or fold it to lower case, without quotes."""
    plain = name.replace("_", "a").isalnum() and name.isascii() and name == name.lower() and not name[:1].isdigit()
    return not plain or name in KEYWORDS


def quoted_identifier(name: str) -> str:
    """An identifier, quoted where SQL wants it."""
    return '"' + name.replace('"', '""') + '"' if needs_quotes(name) else name


def singular(relation: str) -> str:
    """``creator`` for ``creators``, ``company`` for ``companies``: a guess, as good as English is regular."""
    if relation.endswith("ies"):
        return relation.removesuffix("ies") + "y"
    return relation.removesuffix("s") if not relation.endswith("ss") else relation
