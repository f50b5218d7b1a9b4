"""Which requests are for PostgREST: by name, by Supabase's path, or because a request to the same place looks it."""

from __future__ import annotations

import pytest

from proxy.receiver.endpoints import MAX_PLACES, Endpoints
from proxy.receiver.http_request import HttpRequest, read_request
from tests.receiver.spans import client


def request(url: str) -> HttpRequest:
    found = read_request(client(url))
    assert found is not None
    return found


def test_a_place_is_postgrests_once_a_request_to_it_has_a_filter() -> None:
    endpoints = Endpoints()
    assert endpoints.mount_of(request("http://db:3000/api/t")) is None
    endpoints.learn(request("http://db:3000/api/u?id=eq.1"))
    assert endpoints.mount_of(request("http://db:3000/api/t")) == b"/api"
    assert endpoints.mount_of(request("http://db:3000/api/rpc/f")) == b"/api"
    assert endpoints.mount_of(request("http://db:3000/other/t")) is None
    assert endpoints.mount_of(request("http://other:3000/api/t")) is None


def test_other_services_are_not_postgrest() -> None:
    endpoints = Endpoints()
    endpoints.learn(request("http://search/v1/items?q=a.b&limit=3"))
    assert endpoints.mount_of(request("http://search/v1/items")) is None


def test_supabase_is_known_by_its_path() -> None:
    assert Endpoints().mount_of(request("https://x.supabase.co/rest/v1/t?select=*")) == b"/rest/v1"
    assert Endpoints().mount_of(request("https://x.supabase.co/auth/v1/user")) is None


def test_only_what_is_named_is_postgrest_if_anything_is() -> None:
    endpoints = Endpoints(("http://db:3000/api/",))
    endpoints.learn(request("http://other/u?id=eq.1"))
    assert endpoints.mount_of(request("http://db:3000/api/t")) == b"/api"
    assert endpoints.mount_of(request("http://db:3000/t")) is None
    assert endpoints.mount_of(request("http://other/u?id=eq.1")) is None


@pytest.mark.parametrize("upstreams", [(), ("https://x.supabase.co/rest/v1",)])
def test_a_place_whose_spans_have_no_query_is_told(upstreams: tuple[str, ...]) -> None:
    endpoints, bare = Endpoints(upstreams), request("https://x.supabase.co/rest/v1/t")
    endpoints.learn(bare)
    assert not endpoints.has_queries(bare)
    endpoints.learn(request("https://x.supabase.co/rest/v1/u?select=id"))
    assert endpoints.has_queries(bare)


def test_the_places_are_bounded() -> None:
    endpoints = Endpoints()
    for number in range(MAX_PLACES + 5):
        endpoints.learn(request(f"http://h{number}/t?id=eq.1"))
    assert endpoints.mount_of(request("http://h0/t")) is None
    assert endpoints.mount_of(request(f"http://h{MAX_PLACES + 4}/t")) == b""
