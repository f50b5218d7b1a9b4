"""Client code that caches a read in the process until it is too old or the cache is cleared."""

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.clients.chain_code import js_chain, name_values, py_chain
from proxy.fixes.clients.function_code import checked_call_js, function_py, indent, statement_py
from proxy.fixes.clients.identifiers import camel_case, snake_case

MAX_AGE = 300
"""Maximum age of the cached rows, in seconds."""


def cached_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function that reads at most every ``MAX_AGE``, with ``forget()``. Errors are not cached."""
    name, chain = camel_case("list " + parsed.relation), js_chain(name_values(parsed, camel=True))
    lines = [
        f"const {name} = (() => {{",
        "  let kept, until = 0;",
        "  const load = async () => {",
        *indent([*checked_call_js(chain), "return data;"], 4),
        "  };",
        "  const list = () => {",
        "    if (kept && Date.now() < until) return kept;",
        f"    until = Date.now() + {1000 * MAX_AGE};",
        "    kept = load().catch((error) => { until = 0; throw error; });",
        "    return kept;",
        "  };",
        "  list.forget = () => { until = 0; };",
        "  return list;",
        "})();",
        f"// Call {name}.forget() after each write; other processes see the write within {MAX_AGE} s.",
    ]
    return "\n".join(lines)


def cached_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    name, chain = snake_case("list " + parsed.relation), py_chain(name_values(parsed, camel=False))
    body = [
        f'if time.monotonic() >= _{name}.get("until", 0.0):',
        *indent(statement_py(f'_{name}["data"] =', [*chain, ".execute()", ".data"]), 4),
        f'    _{name}["until"] = time.monotonic() + {MAX_AGE}',
        f'return _{name}["data"]',
    ]
    lines = [
        "import time",
        "",
        f"_{name} = {{}}",
        function_py(name, (), body),
        f"# Call _{name}.clear() after each write; other processes see the write within {MAX_AGE} s.",
    ]
    return "\n".join(lines)
