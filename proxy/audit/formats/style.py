"""Style sheet of the HTML report, for light and dark mode, with the colours of ``admin/pages/style.css``.

Tests: tests/e2e/pages/test_audit_page.py.
"""

STYLE = """
:root { color-scheme: light dark; --back: #fff; --raised: #f6f7f8; --line: #dfe3e6; --text: #1b2025; --quiet: #5d6770;
  --accent: #0f766e; --bad: #b3261e; --mono: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --raised: #1c2024; --line: #2e343a; --text: #e3e7ea;
  --quiet: #98a2ab; --accent: #2dd4bf; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 14px/1.45 system-ui, sans-serif; }
main { max-width: 1300px; margin: 0 auto; padding: 16px 20px 60px; }
h1 { font-size: 20px; margin: 0 0 12px; }
h2 { font-size: 16px; margin: 32px 0 8px; }
h3 { font-size: 14px; margin: 0 0 8px; overflow-wrap: anywhere; }
a { color: var(--accent); }
code, pre { font-family: var(--mono); font-size: 12.5px; overflow-wrap: anywhere; }
pre { margin: 4px 0 8px; padding: 10px 12px; background: var(--raised); border: 1px solid var(--line);
  border-radius: 6px; white-space: pre-wrap; }
dl { display: grid; grid-template-columns: minmax(110px, 170px) minmax(0, 1fr); gap: 2px 14px; margin: 0 0 8px; }
dt { grid-column: 1; color: var(--quiet); }
dd { grid-column: 2; margin: 0; overflow-wrap: anywhere; }
@media (max-width: 600px) { dl { grid-template-columns: minmax(0, 1fr); } dt, dd { grid-column: 1; }
  dd { margin-bottom: 4px; } }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-size: 12px; color: var(--quiet); }
td { min-width: 60px; }
td code { display: block; min-width: 160px; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
th[aria-sort=descending] button::after { content: " \\2193"; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
figure { margin: 4px 0; }
figcaption { color: var(--quiet); font-size: 12px; }
.plan { white-space: pre; overflow-x: auto; overflow-wrap: normal; }
.bars { display: grid; grid-template-columns: max-content minmax(60px, 320px) max-content; gap: 2px 10px;
  align-items: center; margin: 2px 0 8px; }
.bars p { grid-column: 1 / -1; margin: 4px 0 0; font-family: var(--mono); font-size: 12.5px; overflow-wrap: anywhere; }
progress { appearance: none; width: 100%; height: 10px; border: 0; border-radius: 3px; background: var(--raised); }
progress::-webkit-progress-bar { background: var(--raised); border-radius: 3px; }
progress::-webkit-progress-value { background: var(--accent); border-radius: 3px; }
progress::-moz-progress-bar { background: var(--accent); border-radius: 3px; }
progress.before::-webkit-progress-value { background: var(--bad); }
progress.before::-moz-progress-bar { background: var(--bad); }
section { margin: 16px 0; padding: 12px 14px; border: 1px solid var(--line); border-left-width: 4px;
  border-radius: 6px; }
section.critical, section.high { border-left-color: var(--bad); }
section.medium { border-left-color: var(--accent); }
a.critical, a.high { color: var(--bad); font-weight: 650; }
summary { cursor: pointer; color: var(--quiet); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
@media print { section { break-inside: avoid; } }
"""
