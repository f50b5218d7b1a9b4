"""Names as SQL writes them."""

import re

PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
WORDS = """
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
distinct do else end except false fetch for foreign from grant group having in initially intersect into
lateral leading limit localtime localtimestamp not null offset on only or order placing primary references
returning select session_user some symmetric system_user table then to trailing true union unique user using
variadic when where window with authorization binary collation concurrently cross current_schema freeze full
ilike inner is isnull join left like natural notnull outer overlaps right similar tablesample verbose between
bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int
integer interval json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
json_serialize json_table json_value least merge_action national nchar none normalize nullif numeric out
overlay position precision real row setof smallint substring time timestamp treat trim values varchar
xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize
xmltable
"""
RESERVED = frozenset(WORDS.split())
"""Words that quote_ident quotes: all but the unreserved ones (PostgreSQL, appendix C)."""


def quoted(name: str) -> str:
    """An identifier, quoted where SQL needs it; always of one line."""
    if PLAIN.fullmatch(name) and name not in RESERVED:
        return name
    if not name.isprintable():
        # A line break would end the comment that an undo is printed in.
        text = name.replace("\\", "\\\\").replace('"', '""')
        return 'U&"' + "".join(one if one.isprintable() else f"\\+{ord(one):06X}" for one in text) + '"'
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """A schema-qualified name, quoted where SQL needs it."""
    return f"{quoted(schema)}.{quoted(name)}"
