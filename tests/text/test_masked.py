"""Tokens and values in names are masked; names stay."""

from __future__ import annotations

import pytest

from proxy.text.masked import masked, without_tokens

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.RD92_tY1lnsKrGfK-Qu3KlYqfrcGeCxE6x4"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /a {JWT}", "GET /a …"),
        ("key sb_secret_abcDEF123", "key …"),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("job token=abc", "job …"),
        ("GET /orders/123", "GET /orders/…"),
        ("GET /orders/123/items", "GET /orders/…/items"),
        ("GET /u/0bfe4ce1-213d-19e9-b92b-405b6015264c", "GET /u/…"),
        ("mail to a.b@example.com", "mail to …"),
        ("GET /s/a8Kd92mXc01pQz77LmNw3B4v", "GET /s/…"),
        ("order 20250612", "order …"),
    ],
)
def test_tokens_and_values_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "GET /orders/{id}",
        "GET /v2/orders",
        "app/orders/[id]/page.tsx:1204",
        "GET creators?select=id,handle&id=eq.?&order=at.desc&limit=?",
        "public.monthly_tracking_2024",
        "job: payment export",
        "list_creators_by_monthly_tracking_ids",
    ],
)
def test_names_stay(name: str) -> None:
    assert masked(name) == name


def test_code_loses_tokens_only() -> None:
    assert without_tokens(f"a = {JWT}; b = 1234567") == "a = …; b = 1234567"
