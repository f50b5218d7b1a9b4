// The queries of a trace, each once: what a waterfall of a thousand lines is made of.

import { badge, el, table } from "./elements.js";
import { ms, number } from "./formats.js";
import { isFailed } from "./line.js";

const FEW = 2; // queries from which on it is worth a table
const CALLERS = 3;
const HEADS = [
  ["Query"], ["Requests", "num"], ["Calls", "num", "How many calls upstream answered for them"],
  ["Waited", "num", "What clients waited for them, added up"], ["Rows", "num"], ["Failed", "num"], ["Called from"],
];

// `only` is called with a query to be shown alone, or no more, and answers which one is.
export function queries(spans, findings, only) {
  const kinds = [...Map.groupBy(spans, (span) => span.fingerprint)];
  if (kinds.length < FEW) return null;
  kinds.sort(([, a], [, b]) => b.length - a.length);
  const buttons = new Map();
  const choose = (chosen) => {
    const shown = only(chosen);
    for (const [fingerprint, button] of buttons) button.setAttribute("aria-pressed", String(fingerprint === shown));
  };
  const rows = kinds.map(([fingerprint, own]) => {
    const button = el("button", { type: "button", class: "pick mono plain", "aria-pressed": "false", click: () => choose(fingerprint) }, fingerprint);
    buttons.set(fingerprint, button);
    return row(button, own, findings.get(fingerprint) ?? []);
  });
  return el("details", { class: "queries", open: true },
    el("summary", {}, `${number(kinds.length)} different queries: press one to see it alone`), table("Queries", HEADS, rows));
}

function row(button, spans, findings) {
  const calls = new Set(spans.map((span) => span.call).filter(Boolean));
  const failed = spans.filter(isFailed).length;
  const sum = (worth) => spans.reduce((total, span) => total + Math.max(0, worth(span)), 0);
  return el("tr", {},
    el("td", { class: "name" }, button, findings.map((one) => [" ", badge(one.code, one.impact.toLowerCase())])),
    el("td", { class: "num" }, number(spans.length)), el("td", { class: "num" }, number(calls.size)),
    el("td", { class: "num" }, ms(sum((span) => span.ms))), el("td", { class: "num" }, number(sum((span) => span.rows))),
    el("td", { class: "num bad" }, failed ? number(failed) : ""),
    el("td", { class: "name quiet" }, callers(spans)));
}

function callers(spans) {
  const names = [...new Set(spans.map((span) => span.caller).filter(Boolean))];
  const more = names.length > CALLERS ? ` and ${number(names.length - CALLERS)} more` : "";
  return names.slice(0, CALLERS).join(", ") + more;
}
