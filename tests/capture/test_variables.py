"""Variables: where the upstream is found, and what the command gets."""

from __future__ import annotations

import pytest

from proxy.capture.variables import POSTGREST, SUPABASE, RequestedVariable, SidecarPlace, find_upstream, variables

PLAIN = SidecarPlace("http://127.0.0.1:5", "", "http://127.0.0.1:3000", "")
UNDER_A_BASE = SidecarPlace("http://127.0.0.1:5", "", "http://127.0.0.1:3000/api", "/api")
CLOUD = SidecarPlace("http://127.0.0.1:5", "/rest/v1", "https://abc.supabase.co", "/rest/v1")


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"SUPABASE_URL": ""}, None),
        ({"SUPABASE_URL": "postgres://h/d"}, None),
        ({"SUPABASE_URL": "http://[::1"}, None),
        ({"POSTGREST_URL": "http://p:3000"}, ("POSTGREST_URL", "http://p:3000")),
        ({"POSTGREST_URL": "http://p", "VITE_SUPABASE_URL": "http://s"}, ("VITE_SUPABASE_URL", "http://s")),
        ({"OURS": "http://o", "SUPABASE_URL": "http://s"}, ("OURS", "http://o")),
    ],
)
def test_the_upstream_is_the_first_url(environment: dict[str, str], found: tuple[str, str] | None) -> None:
    assert find_upstream(environment, [RequestedVariable("OURS")]) == found


@pytest.mark.parametrize(("place", "of_postgrest"), [(PLAIN, ""), (UNDER_A_BASE, ""), (CLOUD, "/rest/v1")])
def test_without_a_value_each_variable_has_the_form_that_its_clients_expect(
    place: SidecarPlace, of_postgrest: str
) -> None:
    chosen = variables({}, [RequestedVariable("OURS"), RequestedVariable("P", "/x")], place, True)
    assert chosen.changed == {
        "OURS": place.address,
        "P": f"{place.address}/x",
        **dict.fromkeys(SUPABASE, place.address),
        **dict.fromkeys(POSTGREST, place.address + of_postgrest),
    }
    assert chosen.kept == ()


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        (PLAIN, "http://localhost:3000/", "/"),
        (PLAIN, "http://127.0.0.1:3000/rest/v1", "/rest/v1"),
        (UNDER_A_BASE, "http://127.0.0.1:3000/api/", "/"),
        (UNDER_A_BASE, "http://127.0.0.1:3000/apix", "/apix"),
        (CLOUD, "https://abc.supabase.co/rest/v1/", "/rest/v1/"),
        (CLOUD, "https://abc.supabase.co:443/auth/v1", "/auth/v1"),
    ],
)
def test_a_variable_with_the_upstream_keeps_its_path(place: SidecarPlace, value: str, path: str) -> None:
    for is_chosen in (True, False):
        chosen = variables({"SUPABASE_URL": value}, [], place, is_chosen)
        assert chosen.changed["SUPABASE_URL"] == place.address + path


def test_a_variable_with_another_server_is_kept_if_the_upstream_was_not_chosen() -> None:
    environment = {"SUPABASE_URL": "http://127.0.0.1:3001", "POSTGREST_URL": "http://other/api"}
    chosen = variables(environment, [], PLAIN, False)
    assert chosen.kept == ("SUPABASE_URL", "POSTGREST_URL")
    assert not chosen.changed.keys() & set(chosen.kept)
    assert variables(environment, [], PLAIN, True).changed["POSTGREST_URL"] == PLAIN.address


def test_a_proxy_is_not_used_for_the_sidecar() -> None:
    chosen = variables({"HTTPS_PROXY": "", "http_proxy": "http://proxy", "NO_PROXY": "corp"}, [], PLAIN, True)
    assert (chosen.changed["NO_PROXY"], chosen.changed["no_proxy"]) == ("corp,127.0.0.1", "127.0.0.1")
    assert "NO_PROXY" not in variables({}, [], PLAIN, True).changed
