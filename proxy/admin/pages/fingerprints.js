// The page of fingerprints: a table of all queries with their costs, sortable by each column.

import { read, write } from "./address.js";
import { ask } from "./ask.js";
import { code, el, wide } from "./elements.js";
import { many, moment, ms, number, share, size } from "./formats.js";

const COLUMNS = [
  { name: "fingerprint", label: "Fingerprint", hint: "The query without its values" },
  { name: "calls", label: "Calls", hint: "Requests of clients; ± the number that may be missing", show: (usage) => number(usage.calls) + (usage.error ? ` (±${number(usage.error)})` : "") },
  { name: "p50", label: "p50 ≤", hint: "Half of the requests took at most this time", show: (usage) => ms(usage.p50) },
  { name: "p95", label: "p95 ≤", hint: "95 % of the requests took at most this time", show: (usage) => ms(usage.p95) },
  { name: "total", label: "Total", hint: "Sum of the times", show: (usage) => ms(usage.total) },
  { name: "rows", label: "Rows", hint: "Rows in all answers", show: (usage) => number(usage.rows) },
  { name: "bytes", label: "Bytes", hint: "Bytes of all answers", show: (usage) => size(usage.bytes) },
  { name: "merged", label: "Merged", hint: "Share of requests answered by a merged call", show: (usage) => share(usage.merged, usage.calls), sortValue: (usage) => usage.merged / usage.calls },
  { name: "failed", label: "Failed", hint: "Requests with a status of 400 or above, or without an answer", show: (usage) => el("span", { class: usage.failed ? "bad" : null }, number(usage.failed)) },
  { name: "traces", label: "Traces", hint: "Number of traces that contain it", show: (usage) => number(usage.traces) },
];

const sorting = { by: COLUMNS[1], down: true };
const opened = new Set();
let filter = "";

export async function fingerprints(_, refresh) {
  take(read());
  const { fingerprints: all, since, replaced } = await ask("/api/fingerprints");
  const wanted = all.filter((usage) => usage.fingerprint.toLowerCase().includes(filter.toLowerCase()));
  const search = el("input", {
    type: "search", "data-key": "filter", value: filter, autocomplete: "off", placeholder: "such as creators?",
    input: (event) => { filter = event.target.value; show(); refresh(); },
  });
  const count = `${number(wanted.length)} of ${number(all.length)}${since ? ` since ${moment(since)}` : ""}`;
  return [
    el("h1", { class: "unseen" }, "Fingerprints"),
    el("div", { class: "tools" }, el("label", {}, "Fingerprint", search),
      el("span", { class: "quiet" }, count, replaced ? `, ${number(replaced)} replaced` : "")),
    wanted.length ? list(sorted(wanted), refresh) : nothing(all.length),
  ];
}

// From an address with parameters; without any, what was chosen before stays.
function take(given) {
  if (given.size) {
    filter = given.get("filter") ?? "";
    sorting.by = COLUMNS.find((column) => column.name === given.get("by")) ?? COLUMNS[1];
    sorting.down = !given.has("ascending");
  }
  show();
}

const show = () => write("#/fingerprints", { filter, by: sorting.by === COLUMNS[1] ? "" : sorting.by.name, ascending: sorting.down ? "" : "yes" });

function nothing(count) {
  const text = count ? "No query matches the filter." : "No query yet: queries are counted when their trace closes.";
  return el("p", { class: "empty" }, text);
}

function sorted(usages) {
  const value = sorting.by.sortValue ?? ((usage) => usage[sorting.by.name]);
  const sign = sorting.down ? -1 : 1;
  return usages.toSorted((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

const list = (usages, refresh) => wide("Fingerprints", el("table", {},
  el("thead", {}, el("tr", {}, COLUMNS.map((column) => head(column, refresh)))),
  el("tbody", {}, usages.flatMap((usage) => rows(usage, refresh)))));

function head(column, refresh) {
  const order = column === sorting.by ? (sorting.down ? "descending" : "ascending") : null;
  const sort = () => {
    sorting.down = column === sorting.by ? !sorting.down : Boolean(column.show); // first ascending for names, descending for numbers
    sorting.by = column;
    show();
    refresh();
  };
  return el("th", { scope: "col", class: column.show ? "num" : null, "aria-sort": order, title: column.hint },
    el("button", { type: "button", "data-key": `sort ${column.name}`, click: sort }, column.label));
}

function rows(usage, refresh) {
  const isOpen = opened.has(usage.fingerprint);
  const toggle = () => {
    if (!opened.delete(usage.fingerprint)) opened.add(usage.fingerprint);
    refresh();
  };
  const name = el("button", {
    type: "button", class: "pick mono plain", "data-key": `usage ${usage.fingerprint}`, "aria-expanded": String(isOpen), click: toggle,
  }, usage.fingerprint);
  const cells = COLUMNS.map(({ show }) => (show ? el("td", { class: "num" }, show(usage)) : el("td", { class: "name" }, name)));
  const row = el("tr", {}, cells);
  return isOpen ? [row, el("tr", {}, el("td", { colspan: COLUMNS.length }, inside(usage)))] : [row];
}

const inside = (usage) => el("div", { class: "inside" },
  el("p", {}, `From ${moment(usage.first)} to ${moment(usage.last)}; at most ${many(usage.most_rows, "row")}, ${size(usage.largest)}.`,
    usage.routes.length ? ` Routes: ${usage.routes.join(", ")}.` : "", usage.caller ? ` Called from ${usage.caller}.` : ""),
  code("curl", usage.curl), code("supabase-js", usage.supabase_js));
