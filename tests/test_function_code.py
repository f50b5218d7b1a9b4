"""One function around one call: it gives back rows, or a count where only that was asked for."""

from __future__ import annotations

from proxy.postgrest.function_code import read_js, read_py
from proxy.postgrest.shown import read_fingerprint


def test_a_read_gives_back_its_rows() -> None:
    shown = read_fingerprint("GET videos?select=*&a=eq.?&or=(b.is.null)&order=at.desc&limit=?")
    assert read_js(shown) == (
        "async function readVideos(a, limit) {\n"
        "  // and or=(b.is.null)\n"
        "  const { data, error } = await supabase\n"
        '    .from("videos")\n'
        '    .select("*")\n'
        '    .eq("a", a)\n'
        '    .order("at", { ascending: false })\n'
        "    .limit(limit);\n"
        "  if (error) throw error;\n"
        "  return data;\n"
        "}"
    )
    assert read_py(shown).endswith("        .limit(limit)\n        .execute()\n        .data\n    )")


def test_a_head_gives_back_its_count() -> None:
    shown = read_fingerprint("HEAD videos?a=eq.?")
    assert "const { count, error }" in read_js(shown)
    assert read_js(shown).endswith("  return count;\n}")
    assert ".count\n" in read_py(shown)
