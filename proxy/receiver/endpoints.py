"""Which requests of an application are for PostgREST: those to the upstream that is named, else those that look it.

A path is PostgREST's if it is below ``/rest/v1``, as on Supabase, or if another request to the same place has a
``select`` or a filter with an operator.
"""

from collections import OrderedDict

from proxy.receiver.http_request import HttpRequest, origin_of

SUPABASE = b"/rest/v1"
MAX_PLACES = 10_000
"""Maximum number of places that are kept; the oldest is removed."""


class Endpoints:
    """The places of PostgREST: origin and mount. ``upstreams``: the only ones, if any is named. ValueError."""

    def __init__(self, upstreams: tuple[str, ...] = ()) -> None:
        self._named = tuple((origin, path.encode()) for origin, path in map(origin_of, upstreams))
        self._with_queries: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        """The places whose requests have a query: without ``upstreams``, one that only PostgREST has."""

    def learn(self, request: HttpRequest) -> None:
        """Learn from one request."""
        if request.query and (self._named or request.has_filter):
            self._with_queries[_place(request)] = None
            if len(self._with_queries) > MAX_PLACES:
                self._with_queries.popitem(last=False)

    def has_queries(self, request: HttpRequest) -> bool:
        """Whether spans of its place have query strings: some instrumentations leave them out of every span."""
        return _place(request) in self._with_queries

    def mount_of(self, request: HttpRequest) -> bytes | None:
        """PostgREST's path at the place of ``request``, without a slash at the end; None if it is not PostgREST."""
        if self._named:
            mounts = [mount for origin, mount in self._named if origin == request.origin]
            return next((mount for mount in mounts if request.path.startswith(mount + b"/")), None)
        directory = _directory(request.path)
        is_known = (request.origin, directory) in self._with_queries or directory.endswith(SUPABASE)
        return directory if is_known else None


def _place(request: HttpRequest) -> tuple[str, bytes]:
    return request.origin, _directory(request.path)


def _directory(path: bytes) -> bytes:
    """The path without its relation or function."""
    directory = path.rpartition(b"/")[0]
    return directory.removesuffix(b"/rpc")
