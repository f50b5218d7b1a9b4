"""deploy/clients has types for TypeScript: those that its comments say, and they fit what applications write."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.client_types import CLIENTS, SOURCES, generated, run_tsc, types_of
from tests.e2e.support.next_dev_server import IS_INSTALLED

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not IS_INSTALLED, reason="npm could not install Next.js here"),
]
APPLICATION = """
import { createClient } from '@supabase/supabase-js'
import { trace, tracedFetch } from './fanin.mjs'
import { withFanin } from './fanin-next.mjs'
import { counted } from './vitest/fanin.mjs'

const project = 'http://127.0.0.1:1'
export const db = createClient(project, 'key', { global: { fetch: tracedFetch({ project, fanin: project }) } })
export const done: number = await trace('job', async () => 3)
export const GET = withFanin(async (request: Request) => Response.json(request.url), 'GET /')
const { result, queries, findings } = await counted('job', async (fetch) => (await fetch(project)).status)
export const seen: [number, number, string[]] = [result, queries, findings.map(({ code }) => code)]
"""


def errors_in(application: str, folder: Path) -> str:
    (folder / "vitest").mkdir()
    for source in SOURCES:
        shutil.copy(types_of(source), (folder / source).parent)
    (folder / "application.mts").write_text(application, encoding="utf-8")
    return run_tsc(folder, "--noEmit", "application.mts")


def test_the_types_are_those_of_the_comments() -> None:
    for file, text in generated().items():
        written = file.read_text(encoding="utf-8")
        assert written == text, f"{file.relative_to(CLIENTS)}: run python -m tests.e2e.support.client_types"


def test_a_strict_application_compiles_against_them(tmp_path: Path) -> None:
    assert errors_in(APPLICATION, tmp_path) == ""


def test_a_wrong_use_does_not(tmp_path: Path) -> None:
    wrong = APPLICATION.replace("fanin: project }", "fanin: 8000 }")
    assert "Type 'number' is not assignable to type 'string'" in errors_in(wrong, tmp_path)
