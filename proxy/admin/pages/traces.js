// The list of traces, live.

import { ask } from "./ask.js";
import { badge, code, el, table, unseen } from "./elements.js";
import { deliver } from "./feed.js";
import { clock, many, ms, number } from "./formats.js";

const MOST = 500;
const HEADS = [
  ["Closed", "num"], ["Route, trace"], ["Relations"],
  ["Requests → calls", "num", "What clients asked, and how many calls upstream answered for it"],
  ["Time", "num", "From the first request to the last answer"], ["Findings"], ["Failed", "num"],
];
const MARKS = {
  inferred: "No header named it: guessed from caller and timing",
  mixed: "Guessed from caller and timing, and other work of the same caller overlapped it",
  truncated: "It had more requests than are kept",
};

let all = []; // the newest comes first
let missed = 0;
let isLoaded = false;
const rows = new Map(); // by number

const field = (name, label, hint) =>
  el("label", {}, label, el("input", { id: name, type: "search", placeholder: hint, autocomplete: "off", input: applyFilters }));
const count = el("span", { id: "count", class: "quiet" });
const tools = el("div", { class: "tools" },
  field("route", "Route or trace", "such as GET /export"), field("relation", "Relation", "such as creators"),
  el("label", {}, "Finding", el("select", { id: "finding", change: applyFilters })), count);
const [route, relation, finding] = tools.querySelectorAll("input, select");
const body = el("tbody", { id: "traces", click: openRow });
const list = table("Traces", HEADS, body);
const empty = el("div", { id: "empty", class: "empty" });

export async function traces() {
  return [el("h1", { class: "unseen" }, "Traces"), tools, list, empty];
}

// Traces that closed, the oldest first, and how many more did.
export function add(news, skipped) {
  missed += skipped;
  for (const trace of news) {
    if (rows.has(trace.number)) continue;
    all.unshift(trace);
    const row = rowOf(trace);
    rows.set(trace.number, row);
    row.hidden = !matches(trace);
    body.prepend(row);
  }
  for (const old of all.splice(MOST)) forget(old);
  tell();
}

// Those that closed before anybody followed. Where fanin began anew, it knows none of those that are here.
export async function load(isAnew) {
  const { traces: found } = await ask("/api/traces");
  if (isAnew) for (const old of all.splice(0)) forget(old);
  isLoaded = true;
  deliver(found.reverse());
}

// The line of a trace, to come back to.
export const lineOf = (which) => rows.get(Number(which))?.querySelector(".pick");

function forget(trace) {
  rows.get(trace.number).remove();
  rows.delete(trace.number);
}

function rowOf(trace) {
  const marks = [trace.kind, trace.truncated && "truncated"].filter((mark) => Object.hasOwn(MARKS, mark));
  return el("tr", { "data-number": trace.number },
    el("td", { class: "num quiet" }, clock(trace.ended)),
    el("td", { class: "name" },
      el("a", { class: "pick", href: `#/trace/${trace.number}` }, trace.route || trace.id),
      trace.route ? el("span", { class: "quiet" }, ` ${trace.id}`) : null,
      marks.map((mark) => [" ", el("span", { class: "badge", title: MARKS[mark] }, mark)]),
      trace.part > 1 ? [" ", badge(`part ${trace.part}`)] : null),
    el("td", { class: "name quiet" }, trace.relations.join(", ")),
    el("td", { class: "num" }, `${number(trace.queries)} → ${number(trace.calls)}`),
    el("td", { class: "num" }, ms(trace.ms)),
    el("td", {}, found(trace.findings)),
    el("td", { class: "num bad" }, trace.failed ? number(trace.failed) : ""));
}

// Each code once, with the worst that it stands for.
function found(findings) {
  const codes = new Map();
  for (const { code: name, impact } of findings) codes.set(name, [...(codes.get(name) ?? []), impact]);
  return [...codes].map(([name, impacts]) => {
    const worst = ["CRITICAL", "HIGH", "MEDIUM", "LOW"].find((impact) => impacts.includes(impact));
    return [el("span", { class: `badge ${worst.toLowerCase()}`, title: worst }, name, unseen(` ${worst}`)), " "];
  });
}

function openRow(event) {
  const link = event.target.closest("tr")?.querySelector(".pick");
  if (link && !event.target.closest("a") && getSelection().isCollapsed) link.click();
}

// Filters.

function matches(trace) {
  const has = (text, wanted) => text.toLowerCase().includes(wanted.toLowerCase());
  return (
    (has(trace.route, route.value) || has(trace.id, route.value)) &&
    (!relation.value || trace.relations.some((name) => has(name, relation.value))) &&
    (!finding.value || trace.findings.some(({ code: name }) => finding.value === "any" || finding.value === name))
  );
}

function applyFilters() {
  for (const trace of all) rows.get(trace.number).hidden = !matches(trace);
  tell();
}

function clear() {
  for (const one of [route, relation, finding]) one.value = "";
  applyFilters();
  route.focus();
}

// What stands around the list: how many there are, which findings, what to do where there is nothing.
function tell() {
  const shown = all.filter(matches).length;
  const more = missed ? `, ${number(missed)} more came too fast to be shown` : "";
  count.textContent = `${number(shown)} of ${many(all.length, "trace")}${more}`;
  tellFindings();
  list.hidden = !shown;
  tellEmpty(shown);
}

function tellFindings() {
  const codes = new Set(all.flatMap((trace) => trace.findings.map((one) => one.code)));
  const chosen = finding.value;
  if (chosen && chosen !== "any") codes.add(chosen);
  const options = [["", "all"], ["any", "with any finding"], ...[...codes].sort().map((name) => [name, name])];
  if (options.map(([value]) => value).join() === [...finding.options].map((one) => one.value).join()) return;
  finding.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  finding.value = chosen;
}

function tellEmpty(shown) {
  empty.hidden = shown > 0 || !isLoaded;
  const why = all.length ? "filtered" : "none";
  if (empty.hidden || empty.dataset.why === why) return;
  empty.dataset.why = why;
  if (!all.length) return tellBeginning();
  empty.replaceChildren(el("p", {}, "No trace is like that."), el("button", { type: "button", click: clear }, "Clear the filters"));
}

async function tellBeginning() {
  empty.replaceChildren(el("p", {}, "No trace yet: it appears here when it closes, a second after its last request."));
  const { base, upstream } = await ask("/api/health");
  empty.append(
    el("p", {}, `Have your application ask fanin where it asks ${upstream} now:`), code("Address", base),
    el("p", {}, "Give each of its requests an id in the header X-Fanin-Trace, and its name in X-Fanin-Route: "
      + "without them traces are guessed from caller and timing."));
}
