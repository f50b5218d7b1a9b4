"""Writes an INSERT, UPDATE or DELETE without knowing the body: ``$1`` is the body, ``"…"`` the columns in it."""

from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest
from proxy.postgrest.request.select_list import Embed
from proxy.sql.expressions import identifier
from proxy.sql.reads import STAR, ReadStatement, joined

UNKNOWN_COLUMNS = "…"
PRIMARY_KEY = "primary key"
BODY = "body"
BODY_NOTES = {
    "POST": '$1 is the body, which fanin does not read; "…" stands for the columns that its objects name.',
    "PATCH": '$1 is the body, which fanin does not read; "…" stands for the columns that its object names.',
    "PUT": '$1 is the body, one object with every column; "…" stands for them, "primary key" for its columns.',
}


def write(request: ApiRequest, reads: ReadStatement) -> exp.Expression:
    """An outline of the statement; with RETURNING only if the request has ``return=representation``."""
    if request.method in BODY_NOTES:
        reads.notes.append(BODY_NOTES[request.method])
    if request.root.limit is not None or request.root.offset is not None or request.root.order:
        reads.notes.append("limit, offset and order of a write are left out; PostgREST 13 and later do not have them.")
    tree = {"POST": _insert, "PUT": _insert, "PATCH": _update, "DELETE": _delete}[request.method](request, reads)
    if "return=representation" in request.prefers:
        tree.set("returning", exp.Returning(expressions=reads.columns(request.items or (STAR,))))
        if any(isinstance(item, Embed) for item in request.items):
            reads.notes.append("Embeds are left out; PostgREST reads them from the returned rows.")
    return tree


def _insert(request: ApiRequest, reads: ReadStatement) -> exp.Expression:
    names = request.columns or (UNKNOWN_COLUMNS,)
    rows = exp.Select(expressions=[exp.Column(this=identifier(name), table=identifier(BODY)) for name in names])
    tree = exp.Insert(
        this=exp.Schema(this=reads.table(), expressions=[identifier(name) for name in names]),
        expression=rows.from_(_body("json_populate_recordset", reads)),
    )
    if request.method == "PUT":
        tree.set("conflict", _conflict((PRIMARY_KEY,), names))
    for resolution, updates in (("merge", names), ("ignore", ())):
        if request.method == "POST" and f"resolution={resolution}-duplicates" in request.prefers:
            tree.set("conflict", _conflict(request.on_conflict or (PRIMARY_KEY,), updates))
            if not request.on_conflict:
                reads.notes.append('"primary key" stands for its columns, which are only in the catalog.')
    return tree


def _conflict(keys: tuple[str, ...], updates: tuple[str, ...]) -> exp.OnConflict:
    """The ON CONFLICT clause: update the columns ``updates`` of an existing row, or do nothing if there are none."""
    sets = [
        exp.EQ(this=exp.Column(this=identifier(name)), expression=exp.Column(this=identifier(name), table="excluded"))
        for name in updates
    ]
    return exp.OnConflict(
        conflict_keys=[exp.Column(this=identifier(name)) for name in keys],
        action=exp.Var(this="DO UPDATE" if updates else "DO NOTHING"),
        expressions=sets,
    )


def _update(request: ApiRequest, reads: ReadStatement) -> exp.Expression:
    sets = [
        exp.EQ(
            this=exp.Column(this=identifier(name)),
            expression=exp.Column(this=identifier(name), table=identifier(BODY)),
        )
        for name in request.columns or (UNKNOWN_COLUMNS,)
    ]
    tree = exp.Update(this=reads.table(), expressions=sets)
    tree.set("from_", exp.From(this=_body("json_populate_record", reads)))
    return _filtered(tree, reads)


def _delete(_: ApiRequest, reads: ReadStatement) -> exp.Expression:
    return _filtered(exp.Delete(this=reads.table()), reads)


def _filtered(tree: exp.Expression, reads: ReadStatement) -> exp.Expression:
    conditions = reads.conditions()
    if conditions:
        tree.set("where", exp.Where(this=joined("and", conditions)))
    else:
        reads.notes.append("There is no filter: the statement changes every row.")
    return tree


def _body(function: str, reads: ReadStatement) -> exp.Expression:
    """The objects of the body as rows of the table."""
    row_type = exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=reads.table().sql("postgres"))
    null = exp.Cast(this=exp.Null(), to=row_type)
    call = exp.Anonymous(this=function, expressions=[null, exp.Parameter(this=exp.Literal.number(1))])
    return exp.Table(this=call, alias=exp.TableAlias(this=identifier(BODY)))
