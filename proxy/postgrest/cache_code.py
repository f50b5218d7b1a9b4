"""A read that is kept in the process until it is old or somebody says that it changed, in the two client languages."""

from proxy.postgrest.chain_code import camel_case, js_chain, left_out, named, py_chain, snake_case
from proxy.postgrest.shown import Shown

SECONDS = 300
"""How old what is kept may be, in the code."""


def cached_js(shown: Shown) -> str:
    """Two functions for supabase-js: one reads, at most every so often; one forgets. An error is not kept."""
    read, name = named(shown, camel=True), camel_case("list " + shown.relation)
    chain = js_chain(read)
    lines = [
        f"const {name} = (() => {{",
        "  let kept, until = 0;",
        "  const load = async () => {",
        *(f"    // and {note}" for note in left_out(shown)),
        "    const { data, error } = await supabase",
        *(f"      {call}" for call in chain[:-1]),
        f"      {chain[-1]};",
        "    if (error) throw error;",
        "    return data;",
        "  };",
        "  const list = () => {",
        "    if (kept && Date.now() < until) return kept;",
        f"    until = Date.now() + {1000 * SECONDS};",
        "    kept = load().catch((error) => { until = 0; throw error; });",
        "    return kept;",
        "  };",
        "  list.forget = () => { until = 0; };",
        "  return list;",
        "})();",
        f"// {name}.forget() after each write; other processes see it when theirs is {SECONDS} s old.",
    ]
    return "\n".join(lines)


def cached_py(shown: Shown) -> str:
    """The same for supabase-py."""
    read, name = named(shown, camel=False), snake_case("list " + shown.relation)
    lines = [
        "import time",
        "",
        f"_{name} = {{}}",
        f"def {name}():",
        *(f"    # and {note}" for note in left_out(shown)),
        f'    if time.monotonic() >= _{name}.get("until", 0.0):',
        f'        _{name}["data"] = (',
        *(f"            {call}" for call in (*py_chain(read), ".execute()", ".data")),
        "        )",
        f'        _{name}["until"] = time.monotonic() + {SECONDS}',
        f'    return _{name}["data"]',
        f"# _{name}.clear() after each write; other processes see it when theirs is {SECONDS} s old.",
    ]
    return "\n".join(lines)
