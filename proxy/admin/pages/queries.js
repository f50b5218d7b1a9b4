// The table of the queries of a trace, one row per fingerprint.

import { badge, el, table } from "./elements.js";
import { ms, number } from "./formats.js";
import { isFailed } from "./line.js";

const MIN_QUERIES = 2; // below this number there is no table
const MAX_CALLERS = 3;
const MAX_OPEN = 100; // a table with more rows is closed at first, and made when it is opened
const HEADS = [
  ["Query"], ["Requests", "num"], ["Calls", "num", "Upstream calls that answered them"],
  ["Waited", "num", "Sum of the times that clients waited"], ["Rows", "num"], ["Failed", "num"], ["Called from"],
];

// `only` toggles whether the waterfall shows one fingerprint only, and returns that fingerprint or null; `selected` is so at first.
export function queries(spans, findings, only, selected) {
  const kinds = [...Map.groupBy(spans, (span) => span.fingerprint)];
  if (kinds.length < MIN_QUERIES) return null;
  kinds.sort(([, a], [, b]) => b.length - a.length);
  const buttons = new Map();
  const choose = (chosen) => {
    const shown = only(chosen);
    for (const [fingerprint, button] of buttons) button.setAttribute("aria-pressed", String(fingerprint === shown));
  };
  const rows = () => kinds.map(([fingerprint, own]) => {
    const button = el("button", { type: "button", class: "pick mono plain", "aria-pressed": String(fingerprint === selected), click: () => choose(fingerprint) }, fingerprint);
    buttons.set(fingerprint, button);
    return row(button, own, findings.get(fingerprint) ?? []);
  });
  const isOpen = kinds.length <= MAX_OPEN;
  const fill = () => list.open && list.children.length === 1 && list.append(table("Queries", HEADS, rows()));
  const list = el("details", { class: "queries", open: isOpen, toggle: fill },
    el("summary", {}, `${number(kinds.length)} different queries: select one to see only its requests`));
  fill();
  return list;
}

function row(button, spans, findings) {
  const calls = new Set(spans.map((span) => span.call).filter(Boolean));
  const failed = spans.filter(isFailed).length;
  const sum = (value) => spans.reduce((total, span) => total + Math.max(0, value(span)), 0);
  return el("tr", {},
    el("td", { class: "name" }, button, findings.map(({ code, impact }) => [" ", badge(code, impact.toLowerCase())])),
    el("td", { class: "num" }, number(spans.length)), el("td", { class: "num" }, number(calls.size)),
    el("td", { class: "num" }, ms(sum((span) => span.ms))), el("td", { class: "num" }, number(sum((span) => span.rows))),
    el("td", { class: "num bad" }, failed ? number(failed) : ""),
    el("td", { class: "name quiet" }, callers(spans)));
}

function callers(spans) {
  const names = [...new Set(spans.map((span) => span.caller).filter(Boolean))];
  const more = names.length > MAX_CALLERS ? ` and ${number(names.length - MAX_CALLERS)} more` : "";
  return names.slice(0, MAX_CALLERS).join(", ") + more;
}
