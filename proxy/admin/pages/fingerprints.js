// Fingerprints: every kind of query with what it cost, sorted by any of it.

import { ask } from "./ask.js";
import { code, el, wide } from "./elements.js";
import { many, moment, ms, number, share, size } from "./formats.js";

const COLUMNS = [
  { name: "fingerprint", label: "Fingerprint", hint: "The query without its values" },
  { name: "calls", label: "Calls", hint: "Requests of clients; ± how many of them may be others'", show: (one) => number(one.calls) + (one.error ? ` (±${number(one.error)})` : "") },
  { name: "p50", label: "p50 ≤", hint: "Half of them took at most this", show: (one) => ms(one.p50) },
  { name: "p95", label: "p95 ≤", hint: "95 of 100 took at most this", show: (one) => ms(one.p95) },
  { name: "total", label: "Total", hint: "Their times, added up", show: (one) => ms(one.total) },
  { name: "rows", label: "Rows", hint: "Rows in all answers", show: (one) => number(one.rows) },
  { name: "bytes", label: "Bytes", hint: "Bytes of all answers", show: (one) => size(one.bytes) },
  { name: "merged", label: "Merged", hint: "The share that was answered by a merged call", show: (one) => share(one.merged, one.calls), worth: (one) => one.merged / one.calls },
  { name: "failed", label: "Failed", hint: "Answers of 400 and above, and none at all", show: (one) => el("span", { class: one.failed ? "bad" : null }, number(one.failed)) },
  { name: "traces", label: "Traces", hint: "Traces that it was in", show: (one) => number(one.traces) },
];

const sorting = { by: COLUMNS[1], down: true };
const opened = new Set();
let filter = "";

export async function fingerprints(_, refresh) {
  const { fingerprints: found, since, replaced } = await ask("/api/fingerprints");
  const wanted = found.filter((one) => one.fingerprint.toLowerCase().includes(filter.toLowerCase()));
  const search = el("input", {
    type: "search", "data-key": "filter", value: filter, autocomplete: "off", placeholder: "such as creators?",
    input: (event) => { filter = event.target.value; refresh(); },
  });
  const count = `${number(wanted.length)} of ${number(found.length)}${since ? ` since ${moment(since)}` : ""}`;
  return [
    el("h1", { class: "unseen" }, "Fingerprints"),
    el("div", { class: "tools" }, el("label", {}, "Fingerprint", search),
      el("span", { class: "quiet" }, count, replaced ? `, ${number(replaced)} gave way` : "")),
    wanted.length ? list(sorted(wanted), refresh) : nothing(found.length),
  ];
}

function nothing(all) {
  const text = all ? "No query is like that." : "No query yet: each is counted here when the trace that it is in closes.";
  return el("p", { class: "empty" }, text);
}

function sorted(usages) {
  const worth = sorting.by.worth ?? ((one) => one[sorting.by.name]);
  const sign = sorting.down ? -1 : 1;
  return usages.toSorted((a, b) => sign * (worth(a) < worth(b) ? -1 : worth(a) > worth(b) ? 1 : 0));
}

const list = (usages, refresh) => wide("Fingerprints", el("table", {},
  el("thead", {}, el("tr", {}, COLUMNS.map((column) => head(column, refresh)))),
  el("tbody", {}, usages.flatMap((one) => rows(one, refresh)))));

function head(column, refresh) {
  const order = column === sorting.by ? (sorting.down ? "descending" : "ascending") : null;
  const sort = () => {
    sorting.down = column === sorting.by ? !sorting.down : Boolean(column.show); // names begin at A, figures with the largest
    sorting.by = column;
    refresh();
  };
  return el("th", { scope: "col", class: column.show ? "num" : null, "aria-sort": order, title: column.hint },
    el("button", { type: "button", "data-key": `sort ${column.name}`, click: sort }, column.label));
}

function rows(one, refresh) {
  const isOpen = opened.has(one.fingerprint);
  const toggle = () => {
    if (!opened.delete(one.fingerprint)) opened.add(one.fingerprint);
    refresh();
  };
  const name = el("button", {
    type: "button", class: "pick mono plain", "data-key": `usage ${one.fingerprint}`, "aria-expanded": String(isOpen), click: toggle,
  }, one.fingerprint);
  const cells = COLUMNS.map(({ show }) => (show ? el("td", { class: "num" }, show(one)) : el("td", { class: "name" }, name)));
  const row = el("tr", {}, cells);
  return isOpen ? [row, el("tr", {}, el("td", { colspan: COLUMNS.length }, inside(one)))] : [row];
}

const inside = (one) => el("div", { class: "inside" },
  el("p", {}, `From ${moment(one.first)} to ${moment(one.last)}; at most ${many(one.most_rows, "row")}, ${size(one.largest)}.`,
    one.routes.length ? ` Routes: ${one.routes.join(", ")}.` : "", one.caller ? ` Called from ${one.caller}.` : ""),
  code("curl", one.curl), code("supabase-js", one.supabase_js));
