"""A real PostgREST answers, and one that cannot start or is not there is told with what to do."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from proxy.demo.stack import (
    PostgREST,
    StackError,
    find_postgrest,
)
from tests.conftest import CREATORS, Stack
from tests.demo.processes import get

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.stack


def test_postgrest_answers_the_service_role(stack: Stack) -> None:
    assert len(get(stack, "/creators?select=id&order=created_at")) == CREATORS
    due = get(stack, "/monthly_tracking?select=creator_id&month=eq.2025-06&payment_status=eq.due")
    assert len(due) == 20
    assert len(get(stack, "/videos?select=id&limit=5")) == 5


def test_anonymous_callers_see_no_creator(stack: Stack) -> None:
    with urllib.request.urlopen(stack.url + "/creators?select=id", timeout=60) as answer:
        assert json.load(answer) == []


def test_a_postgrest_that_cannot_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_POSTGREST", "/nowhere/postgrest")
    api = PostgREST("postgresql://127.0.0.1:1/none", secret="s" * 32)
    with pytest.raises(StackError, match="cannot start /nowhere/postgrest: No such file"):
        api.__enter__()
    assert not api.directory.exists()


def test_a_missing_postgrest_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FANIN_POSTGREST", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(StackError, match=r"PostgREST not found: .*FANIN_POSTGREST"):
        find_postgrest()
