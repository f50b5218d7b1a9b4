"""The database as one value, with the list of what could not be read."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from proxy.schema.relation import Relation

Part = Literal[
    "server",
    "roles",
    "extensions",
    "relations",
    "columns",
    "indexes",
    "foreign_keys",
    "policies",
    "functions",
    "views",
    "triggers",
    "privileges",
    "grants",
    "table_stats",
    "index_stats",
    "column_stats",
]
"""Parts of a snapshot. Each is read by the statement of the same name in ``proxy/database/statements.py``."""


class NotChecked(msgspec.Struct, frozen=True):
    """What was not checked; it is never reported as clean."""

    check: str
    """A rule's code, or a part of the snapshot."""
    because: str
    remedy: str
    object: str = ""
    """The only object that was not checked; empty for the whole check."""


class Server(msgspec.Struct, frozen=True):
    """The server."""

    version: int = 0
    """As server_version_num: 150004."""
    max_connections: int = 0
    replica: bool = False
    stats_reset: float | None = None
    """When its statistics were reset, in seconds since 1970. Never: when those of the server began."""
    now: float = 0.0
    """Its time, in seconds since 1970."""
    database: str = ""
    autovacuum: bool = True
    vacuum_threshold: int = 50
    """As autovacuum_vacuum_threshold."""
    vacuum_scale_factor: float = 0.2
    vacuum_max_threshold: int = -1
    """As autovacuum_vacuum_max_threshold (PostgreSQL 18); -1: there is none."""


class Role(msgspec.Struct, frozen=True):
    """A role of the cluster."""

    name: str
    api: bool = False
    """PostgREST switches to it for requests: the role it logs in as is a member of it, or it is a Supabase one."""
    superuser: bool = False
    bypass_rls: bool = False
    login: bool = False
    member_of: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """Settings of ALTER ROLE that rules need: ``pgrst.*`` and ``statement_timeout``."""


class Extension(msgspec.Struct, frozen=True):
    """An installed extension."""

    name: str
    schema: str
    version: str


class Function(msgspec.Struct, frozen=True):
    """A function of a schema that is not of Postgres itself."""

    schema: str
    name: str
    arguments: str
    language: str
    volatility: Literal["i", "s", "v"]
    """As pg_proc.provolatile: immutable, stable, volatile."""
    definer: bool = False
    """SECURITY DEFINER."""
    search_path: str | None = None
    """Its own search_path setting; None: it has that of its caller."""
    executable_by: tuple[str, ...] = ()
    """The API roles that may execute it."""
    granted_to: tuple[str, ...] = ()
    """Who was granted EXECUTE; ``public`` is everybody."""
    exposed: bool = True
    managed: bool = False
    returns: str = ""
    body: str = ""

    @property
    def full_name(self) -> str:
        """``schema.name``, unquoted."""
        return f"{self.schema}.{self.name}"


WrittenVerb = Literal["INSERT", "UPDATE", "DELETE"]


class ProbedWrite(msgspec.Struct, frozen=True):
    """A write that was tried as a role and rolled back (``--probe``)."""

    role: str
    relation: str
    """``schema.name``."""
    verb: WrittenVerb
    allowed: bool
    """Whether rows were written, or only a constraint stopped them: privileges and policies let it pass."""
    said: str
    """What happened, in words."""


class PolicyPlan(msgspec.Struct, frozen=True):
    """What Postgres' planner says of indexes for the policies of a table."""

    search: tuple[str, ...]
    """Which ones (``PolicySearch.id``)."""
    used: bool = False
    evidence: tuple[str, ...] = ()
    unknown: str = ""
    """Why it could not be asked."""
    remedy: str = ""


class Database(msgspec.Struct, frozen=True):
    """The schema, statistics, policies and privileges of a database at one time."""

    schemas: tuple[str, ...] = ()
    """Those that PostgREST serves."""
    server: Server = Server()
    roles: tuple[Role, ...] = ()
    extensions: tuple[Extension, ...] = ()
    relations: tuple[Relation, ...] = ()
    """All that are not of Postgres itself, also those that are not exposed, by schema and name."""
    functions: tuple[Function, ...] = ()
    read: frozenset[Part] = frozenset()
    """Parts that were read. An empty value of another part means nothing."""
    not_checked: tuple[NotChecked, ...] = ()
    probes: tuple[ProbedWrite, ...] = ()
    """Writes that were tried; empty without ``--probe``."""
    policy_plans: tuple[PolicyPlan, ...] = ()
    """Plans with indexes for policies; empty without HypoPG and ``--trial``."""
    notes: tuple[str, ...] = ()
    """What reading it did that the operator must know."""

    def own(self) -> Iterator[Relation]:
        """Exposed relations that belong to neither an extension nor Supabase: those that rules look at."""
        return (relation for relation in self.relations if relation.exposed and not relation.managed)

    def own_functions(self) -> Iterator[Function]:
        """Exposed functions that belong to neither an extension nor Supabase."""
        return (function for function in self.functions if function.exposed and not function.managed)

    def relation(self, schema: str, name: str) -> Relation | None:
        """The relation of that name."""
        return next((each for each in self.relations if (each.schema, each.name) == (schema, name)), None)

    def overloads(self, schema: str, name: str) -> tuple[Function, ...]:
        """All functions of that name."""
        return tuple(each for each in self.functions if (each.schema, each.name) == (schema, name))

    def probed(self, role: str, relation: str, verb: str) -> ProbedWrite | None:
        """What happened when the write was tried."""
        return next(
            (each for each in self.probes if (each.role, each.relation, each.verb) == (role, relation, verb)), None
        )

    def policy_plan(self, search: tuple[str, ...]) -> PolicyPlan | None:
        """What the planner says of these indexes."""
        return next((each for each in self.policy_plans if each.search == search), None)

    def role(self, name: str) -> Role | None:
        """The role of that name."""
        return next((role for role in self.roles if role.name == name), None)

    def extension(self, name: str) -> Extension | None:
        """The extension, if it is installed."""
        return next((each for each in self.extensions if each.name == name), None)

    def has(self, *parts: Part) -> bool:
        """Whether all ``parts`` were read."""
        return self.read.issuperset(parts)
