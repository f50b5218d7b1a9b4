// The page with the live list of traces.

import { read, write } from "./address.js";
import { ask } from "./ask.js";
import { badge, code, el, table, unseen } from "./elements.js";
import { deliver } from "./feed.js";
import { clock, many, ms, number } from "./formats.js";

const MAX_TRACES = 500;
const HEADS = [
  ["Closed", "num spare"], ["Route, trace"], ["Relations", "spare"],
  ["Queries → calls", "num", "Requests for PostgREST without preflights and retries, and upstream calls that answered them"],
  ["Time", "num", "From the first request to the last answer"], ["Findings"], ["Failed", "num"],
];
const MARKS = {
  inferred: "No header names it: inferred from caller and timing",
  mixed: "Inferred from caller and timing; other requests of the same caller overlap it",
  truncated: "It had more requests than are stored",
};

let all = []; // the newest first
let missed = 0;
let isLoaded = false;
const rows = new Map(); // by number

const field = (name, label, hint) =>
  el("label", {}, label, el("input", { id: name, type: "search", placeholder: hint, autocomplete: "off", input: applyFilters }));
const count = el("span", { id: "count", class: "quiet" });
const tools = el("div", { class: "tools" },
  field("route", "Route or trace", "such as GET /export"), field("relation", "Relation", "such as creators"),
  el("label", {}, "Finding", el("select", { id: "finding", change: applyFilters })), count);
const FILTERS = [...tools.querySelectorAll("input, select")];
const [route, relation, finding] = FILTERS;
const body = el("tbody", { id: "traces", click: openRow });
const list = table("Traces", HEADS, body);
const empty = el("div", { id: "empty", class: "empty" });

export async function traces() {
  const given = read();
  if (given.size) for (const input of FILTERS) choose(input, given.get(input.id) ?? "");
  applyFilters();
  return [el("h1", { class: "unseen" }, "Traces"), tools, list, empty];
}

// Add closed traces, the oldest first; `skipped` is the number of further ones.
export function add(closed, skipped) {
  missed += skipped;
  for (const trace of closed) {
    if (rows.has(trace.number)) continue;
    all.unshift(trace);
    const row = rowOf(trace);
    rows.set(trace.number, row);
    row.hidden = !matches(trace);
    body.prepend(row);
  }
  for (const old of all.splice(MAX_TRACES)) forget(old);
  update();
}

// Load the traces that closed before this page connected. A restarted fanin no longer has those of the list.
export async function load(isRestarted) {
  const { traces: stored } = await ask("/api/traces");
  if (isRestarted) for (const old of all.splice(0)) forget(old);
  isLoaded = true;
  deliver(stored.reverse());
}

// The link in the row of a trace.
export const rowLink = (which) => rows.get(Number(which))?.querySelector(".pick");

function forget(trace) {
  rows.get(trace.number).remove();
  rows.delete(trace.number);
}

function rowOf(trace) {
  const marks = [trace.kind, trace.truncated && "truncated"].filter((mark) => Object.hasOwn(MARKS, mark));
  return el("tr", { "data-number": trace.number },
    el("td", { class: "num quiet spare" }, clock(trace.ended)),
    el("td", { class: "name" },
      el("a", { class: "pick", href: `#/trace/${trace.number}` }, trace.route || trace.id),
      trace.route ? el("span", { class: "quiet" }, ` ${trace.id}`) : null,
      marks.map((mark) => [" ", el("span", { class: "badge", title: MARKS[mark] }, mark)]),
      trace.part > 1 ? [" ", badge(`part ${trace.part}`)] : null),
    el("td", { class: "name quiet spare" }, trace.relations.join(", ")),
    el("td", { class: "num" }, `${number(trace.queries)} → ${number(trace.calls)}`),
    el("td", { class: "num" }, ms(trace.ms)),
    el("td", {}, findingBadges(trace.findings)),
    el("td", { class: "num bad" }, trace.failed ? number(trace.failed) : ""));
}

// A badge per rule, with the worst impact of its findings.
function findingBadges(findings) {
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

// A finding of an address may be of no trace of the list yet.
function choose(input, value) {
  if (input === finding && ![...finding.options].some((option) => option.value === value)) finding.append(el("option", { value }, value));
  input.value = value;
}

function applyFilters() {
  write("#/traces", Object.fromEntries(FILTERS.map((input) => [input.id, input.value])));
  for (const trace of all) rows.get(trace.number).hidden = !matches(trace);
  update();
}

function clear() {
  for (const input of FILTERS) input.value = "";
  applyFilters();
  route.focus();
}

// Update the parts around the list: the number of traces, the filter by finding, the message for an empty list.
function update() {
  const shown = all.filter(matches).length;
  const more = missed ? `, ${number(missed)} more came too fast to be shown` : "";
  count.textContent = `${number(shown)} of ${many(all.length, "trace")}${more}`;
  updateFindings();
  list.hidden = !shown;
  updateEmpty(shown);
}

function updateFindings() {
  const codes = new Set(all.flatMap((trace) => trace.findings.map(({ code: name }) => name)));
  const chosen = finding.value;
  if (chosen && chosen !== "any") codes.add(chosen);
  const options = [["", "all"], ["any", "with any finding"], ...[...codes].sort().map((name) => [name, name])];
  if (options.map(([value]) => value).join() === [...finding.options].map((option) => option.value).join()) return;
  finding.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  finding.value = chosen;
}

function updateEmpty(shown) {
  empty.hidden = shown > 0 || !isLoaded;
  const why = all.length ? "filtered" : "none";
  if (empty.hidden || empty.dataset.why === why) return;
  empty.dataset.why = why;
  if (!all.length) return showFirstSteps();
  empty.replaceChildren(el("p", {}, "No trace matches the filters."), el("button", { type: "button", click: clear }, "Clear the filters"));
}

async function showFirstSteps() {
  empty.replaceChildren(el("p", {}, "No trace yet: a trace appears here when it closes, one second after its last request."));
  const { base, upstream } = await ask("/api/health");
  empty.append(
    el("p", {}, `In your application, replace ${upstream} by the address of fanin:`), code("Address", base),
    el("p", {}, "Send an id per application request in the header X-Fanin-Trace, and its name in X-Fanin-Route: "
      + "without them, traces are inferred from caller and timing."));
}
