"""A read that is kept in the process until it is old or somebody says that it changed, in the two client languages."""

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import js_chain, left_out, named, py_chain
from proxy.fixes.function_code import answered_js, function_py, indented, remarks, statement_py
from proxy.fixes.identifiers import camel_case, snake_case

SECONDS = 300
"""How old what is kept may be, in the code."""


def cached_js(shown: ParsedFingerprint) -> str:
    """Two functions for supabase-js: one reads, at most every so often; one forgets. An error is not kept."""
    name, chain = camel_case("list " + shown.relation), js_chain(named(shown, camel=True))
    lines = [
        f"const {name} = (() => {{",
        "  let kept, until = 0;",
        "  const load = async () => {",
        *indented([*remarks("//", left_out(shown)), *answered_js(chain), "return data;"], 4),
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


def cached_py(shown: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    name, chain = snake_case("list " + shown.relation), py_chain(named(shown, camel=False))
    body = [
        *remarks("#", left_out(shown)),
        f'if time.monotonic() >= _{name}.get("until", 0.0):',
        *indented(statement_py(f'_{name}["data"] =', [*chain, ".execute()", ".data"]), 4),
        f'    _{name}["until"] = time.monotonic() + {SECONDS}',
        f'return _{name}["data"]',
    ]
    lines = [
        "import time",
        "",
        f"_{name} = {{}}",
        function_py(name, (), body),
        f"# _{name}.clear() after each write; other processes see it when theirs is {SECONDS} s old.",
    ]
    return "\n".join(lines)
