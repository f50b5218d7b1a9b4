// The pages of fanin: what happened, as it happens.
// What the API tells may have been written by anybody: it enters the page as text, never as markup.

const MOST = 500; // traces in the list
const FOLD = 12; // lines of one fingerprint in a row, above which the others wait behind a button
const EVERY = 3000; // milliseconds between two looks at what no event tells of

const main = document.getElementById("main");
const pauseButton = document.getElementById("pause");
const live = document.getElementById("live");

// Making elements.

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false).map(asNode));
  return made;
}

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(String(child)));
const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);
const number = (value) => Math.round(value).toLocaleString("en");
const ms = (value) => (value >= 100 ? number(value) : value.toFixed(value >= 10 ? 1 : 2)) + " ms";
const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString("en-GB");
const moment = (seconds) => new Date(1000 * seconds).toLocaleString("sv-SE"); // 2030-12-31 23:59:59
const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
const weight = (impact) => (impact === "CRITICAL" ? "bad" : impact === "HIGH" ? "strong" : "");

function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= 1000 && unit < 3; unit++) bytes /= 1000;
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message ?? `${answer.status}`);
  return answer.json();
}

function code(label, text) {
  if (!text) return null;
  const block = el("pre", {}, text);
  const copy = el("button", { type: "button", click: () => copyText(copy, block) }, "Copy");
  return el("div", { class: "code" }, el("div", {}, label, copy), block);
}

async function copyText(button, block) {
  try {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(block); // no clipboard without https: the text is marked instead
    button.textContent = "Marked: copy it";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

// The list of traces, live.

const traces = { all: [], rows: new Map(), held: [], paused: false, missed: 0 };
const filters = { route: "", relation: "", finding: "" };

function matches(trace) {
  const has = (text, wanted) => text.toLowerCase().includes(wanted.toLowerCase());
  return (
    (has(trace.route, filters.route) || has(trace.id, filters.route)) &&
    (!filters.relation || trace.relations.some((name) => has(name, filters.relation))) &&
    (!filters.finding ||
      (filters.finding === "any" ? trace.findings.length > 0 : trace.findings.some((one) => one.code === filters.finding)))
  );
}

function traceRow(trace) {
  const marks = [trace.kind === "explicit" ? null : trace.kind, trace.truncated ? "truncated" : null];
  if (trace.part > 1) marks.push(`part ${trace.part}`);
  const findings = new Map();
  for (const { code: name, impact } of trace.findings) findings.set(name, impact);
  return el(
    "tr",
    { "data-number": trace.number },
    el("td", { class: "num quiet" }, clock(trace.ended)),
    el(
      "td",
      { class: "name" },
      el("a", { class: "pick", href: `#/trace/${trace.number}` }, trace.route || trace.id),
      trace.route ? el("span", { class: "quiet" }, ` ${trace.id}`) : null,
      marks.filter(Boolean).map((mark) => [" ", badge(mark)]).flat(),
    ),
    el("td", { class: "quiet" }, trace.relations.join(", ")),
    el("td", { class: "num" }, `${number(trace.queries)} → ${number(trace.calls)}`),
    el("td", { class: "num" }, ms(trace.ms)),
    el("td", {}, [...findings].flatMap(([name, impact]) => [badge(name, weight(impact)), " "])),
    el("td", { class: "num" }, trace.failed ? el("span", { class: "bad" }, `${number(trace.failed)} failed`) : ""),
  );
}

function addTraces(news, skipped) {
  traces.missed += skipped;
  if (traces.paused) {
    traces.held.push(...news);
    traces.held.splice(0, traces.held.length - MOST);
    showLive();
    return;
  }
  for (const trace of news) {
    if (traces.rows.has(trace.number)) continue;
    traces.all.unshift(trace);
    const row = traceRow(trace);
    traces.rows.set(trace.number, row);
    row.hidden = !matches(trace);
    document.getElementById("traces")?.prepend(row);
  }
  for (const old of traces.all.splice(MOST)) {
    traces.rows.get(old.number).remove();
    traces.rows.delete(old.number);
  }
  showCounts();
}

async function loadTraces() {
  const { traces: found } = await ask("/api/traces");
  if (found.length && traces.all.length && found[0].number < traces.all[0].number) forgetTraces(); // fanin began anew
  addTraces(found.reverse(), 0);
}

function forgetTraces() {
  for (const row of traces.rows.values()) row.remove();
  traces.all = [];
  traces.rows.clear();
}

function applyFilters() {
  for (const trace of traces.all) traces.rows.get(trace.number).hidden = !matches(trace);
  showCounts();
}

function showCounts() {
  const list = document.getElementById("traces");
  if (!list) return;
  const shown = traces.all.filter(matches);
  const codes = [...new Set(traces.all.flatMap((trace) => trace.findings.map((one) => one.code)))].sort();
  document.getElementById("empty").hidden = shown.length > 0;
  const missed = traces.missed ? `, ${number(traces.missed)} more came too fast to be shown` : "";
  document.getElementById("count").textContent = `${number(shown.length)} of ${number(traces.all.length)} traces${missed}`;
  const select = document.getElementById("finding");
  const known = new Set([...select.options].map((option) => option.value));
  for (const name of codes) if (!known.has(name)) select.append(el("option", { value: name }, name));
}

function drawTraces() {
  const field = (name, label, hint) =>
    el("label", {}, label, el("input", {
      id: name, type: "search", placeholder: hint, value: filters[name], autocomplete: "off",
      input: (event) => { filters[name] = event.target.value; applyFilters(); },
    }));
  const finding = el("select", { id: "finding", change: (event) => { filters.finding = event.target.value; applyFilters(); } },
    el("option", { value: "" }, "all"), el("option", { value: "any" }, "with any finding"));
  if (filters.finding && filters.finding !== "any") finding.append(el("option", { value: filters.finding }, filters.finding));
  finding.value = filters.finding;
  main.replaceChildren(
    el("div", { class: "tools" },
      field("route", "Route or trace", "GET /export"), field("relation", "Relation", "creators"),
      el("label", {}, "Finding", finding), el("span", { id: "count", class: "quiet" })),
    el("table", {},
      el("thead", {}, el("tr", {}, [["Closed", "num"], ["Route, trace"], ["Relations"], ["Requests → calls", "num"],
        ["Time", "num"], ["Findings"], [""]].map(([text, kind]) => el("th", { class: kind ?? "", scope: "col" }, text)))),
      el("tbody", { id: "traces" }, traces.all.map((trace) => traces.rows.get(trace.number)))),
    el("p", { id: "empty", class: "empty" }, "No trace yet: it appears here when it closes, a second after its last request."));
  applyFilters();
}

// One trace.

async function drawLastOf(id) {
  const { traces: found } = await ask(`/api/traces?id=${id}`); // as it stands in the address: encoded
  if (!found.length) throw new Error("no trace of that name is kept any more.");
  await drawTrace(found[0].number);
}

async function drawTrace(which) {
  const detail = await ask(`/api/traces/${encodeURIComponent(which)}`);
  const { summary } = detail;
  const figure = (value, label) => el("div", {}, el("b", {}, value), el("span", {}, label));
  main.replaceChildren(
    el("p", {}, el("a", { href: "#/traces" }, "← Traces")),
    el("h1", {}, summary.route || summary.id),
    el("p", { class: "quiet" }, `Trace ${summary.id}, part ${summary.part}, ${summary.kind}`,
      summary.truncated ? ", truncated" : "", `, closed ${moment(summary.ended)}`),
    el("div", { class: "figures" },
      figure(number(summary.queries), "requests"), figure(number(summary.calls), "upstream calls"),
      figure(number(summary.saved), "saved"), figure(ms(summary.ms), "from first to last"),
      summary.failed ? figure(number(summary.failed), "failed") : null),
    detail.findings.length ? el("section", { "aria-label": "Findings" }, detail.findings.map((one) => findingCard(one))) : null,
    notMerged(detail.reasons),
    el("h2", {}, "Waterfall"),
    el("div", { class: "legend" }, el("span", {}, el("i"), "what the client waited"),
      el("span", {}, el("i", { class: "call" }), "the upstream call that answered")),
    waterfall(detail));
}

function notMerged(reasons) {
  if (!reasons.length) return null;
  return el("section", {}, el("h2", {}, "Not merged"), el("dl", { class: "reasons" }, reasons.flatMap((one) => [
    el("dt", {}, `${number(one.count)} × ${one.reason}`),
    el("dd", {}, `${one.why} `, el("span", { class: "quiet" }, one.remedy)),
  ])));
}

function waterfall(detail) {
  const spans = new Map(detail.spans.map((span) => [span.number, span]));
  const groups = detail.calls.map((call) => ({ call, spans: call.spans.map((at) => spans.get(at)) }));
  for (const span of detail.spans) if (!span.call) groups.push({ call: null, spans: [span] });
  groups.sort((a, b) => a.spans[0].start - b.spans[0].start);
  const total = Math.max(detail.summary.ms, ...groups.map(endOf), 0.001);
  const scale = { total, reasons: new Map(detail.reasons.map((one) => [one.reason, one])), code: detail.code };
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, ms(part * total)));
  return el("div", { class: "waterfall" },
    el("div", { class: "axis" }, el("span", {}, "Query"), el("div", { class: "track" }, marks),
      el("span", { class: "num" }, "what became of it")),
    folded(groups).map((run) => lines(run, scale)));
}

const endOf = (group) => Math.max(...group.spans.map((span) => span.start + span.ms));

// Runs of lines that say the same of one fingerprint.
function folded(groups) {
  const runs = [];
  for (const group of groups) {
    const [first] = group.spans;
    const like = group.spans.length === 1 ? `${first.fingerprint}\n${first.outcome}\n${first.refusal ?? ""}` : null;
    const last = runs.at(-1);
    if (like !== null && last?.like === like) last.groups.push(group);
    else runs.push({ like, groups: [group] });
  }
  return runs;
}

function lines(run, scale) {
  const many = run.groups.length > FOLD;
  const shown = (many ? run.groups.slice(0, FOLD / 2) : run.groups).map((group) => line(group, scale));
  if (!many) return shown;
  const rest = run.groups.slice(FOLD / 2);
  const begin = rest[0].spans[0].start;
  const length = Math.max(...rest.map(endOf)) - begin;
  const open = el("button", { type: "button", class: "pick", click: () => {
    const opened = rest.map((group) => line(group, scale));
    more.replaceWith(...opened);
    opened[0].firstChild.focus();
  } }, `${number(rest.length)} more like these`);
  const more = el("div", { class: "rest" }, el("span", {}, open),
    el("div", { class: "track" }, el("div", { class: "bars" }, bar("client", begin, length, scale.total))),
    el("span", { class: "became" }, `in ${ms(length)}`));
  return [...shown, more];
}

function bar(kind, start, length, total) {
  const made = el("div", { class: `bar ${kind}`, title: `${ms(length)}, from ${ms(start)}` });
  made.style.left = `${Math.min(100, (100 * start) / total)}%`;
  made.style.width = `${Math.min(100, (100 * length) / total)}%`;
  return made;
}

function line(group, scale) {
  const [first] = group.spans;
  const begin = Math.min(...group.spans.map((span) => span.start));
  const failed = group.spans.some((span) => span.status >= 400 || !span.status);
  const bars = el("div", { class: "bars" }, bar(`client${failed ? " failed" : ""}`, begin, endOf(group) - begin, scale.total),
    group.call ? bar("call", group.call.start, group.call.ms, scale.total) : null);
  const row = el("details", { class: "row", toggle: () => { if (row.open && !row.lastElementChild.matches(".inside")) row.append(inside(group, scale)); } },
    el("summary", { class: "pick" },
      el("span", { class: "what", title: first.fingerprint }, first.target || first.fingerprint),
      el("div", { class: "track" }, bars), el("span", { class: "became" }, became(group))));
  return row;
}

function became(group) {
  const [first] = group.spans;
  const took = ms(endOf(group) - first.start);
  if (group.spans.length > 1) return `${number(group.spans.length)} ${first.outcome} into 1, ${took}`;
  if (first.shared > 1) return `${first.outcome} with ${number(first.shared - 1)} of other traces, ${took}`;
  return `${first.outcome}${first.refusal ? `: ${first.refusal}` : ""}, ${took}`;
}

function inside(group, scale) {
  const [first] = group.spans;
  const reason = scale.reasons.get(first.refusal);
  const own = Object.hasOwn(scale.code, first.fingerprint) ? scale.code[first.fingerprint] : { curl: "", supabase_js: "" };
  return el("div", { class: "inside" },
    reason ? el("p", {}, el("b", {}, `Not merged: ${reason.reason}. `), `${reason.why} `, el("span", { class: "quiet" }, reason.remedy)) : null,
    group.call ? el("p", { class: "quiet" }, `Upstream call ${group.call.call}: about ${ms(group.call.ms)}`,
      group.call.parts > 1 ? `, in ${group.call.parts} parts` : "", `, for ${number(first.shared)} request${first.shared > 1 ? "s" : ""}`) : null,
    members(group.spans, scale.total),
    code("curl", first.curl || own.curl), code("supabase-js", own.supabase_js));
}

function members(spans, total) {
  const cells = (span) => [
    el("td", { class: "num" }, span.number), el("td", { class: "num" }, `${span.status || "none"}`),
    el("td", { class: "num" }, span.rows < 0 ? "–" : number(span.rows)), el("td", { class: "num" }, size(span.bytes)),
    el("td", { class: "num" }, `+${ms(span.start)}`), el("td", { class: "num" }, ms(span.ms)),
    el("td", { class: "num" }, ms(span.upstream)),
    el("td", {}, el("div", { class: "bars small" }, bar("client", span.start, span.ms, total))),
    el("td", {}, span.caller ?? "", span.retry ? " (a retry)" : "", span.target ? el("code", {}, ` ${span.target}`) : null),
  ];
  return el("table", {},
    el("thead", {}, el("tr", {}, ["#", "Status", "Rows", "Size", "Began", "Took", "Upstream"].map((text) =>
      el("th", { class: "num" }, text)), el("th"), el("th", {}, "Called from"))),
    el("tbody", {}, spans.map((span) => el("tr", {}, cells(span)))));
}

// Findings.

function findingCard({ key, finding, first, last, count, trace, ignored }) {
  const place = [finding.fingerprint, finding.route && `route ${finding.route}`, finding.caller && `called from ${finding.caller}`];
  const told = [
    ["Location", place.filter(Boolean).join(", ")],
    ["Current performance", finding.current],
    ["Problem", finding.problem],
    ["Evidence", finding.evidence.map((text) => el("p", {}, text))],
    ["Fix", [code("SQL", finding.fix.sql), code("supabase-js", finding.fix.supabase_js), code("supabase-py", finding.fix.supabase_py)]],
    ["Expected improvement", finding.expected],
    ["Risk", finding.risk],
    ["Confidence", finding.confidence],
    ["Mute with", el("code", {}, key)],
  ];
  if (count) told.push(["Seen", [`${number(count)} times, first ${moment(first)}, last ${moment(last)}`,
    trace ? [" in ", el("a", { href: `#/id/${encodeURIComponent(trace)}` }, trace)] : ""].flat()]);
  if (ignored) told.unshift(["Ignored", [ignored.reason, ignored.owner && ` (${ignored.owner})`, ignored.until && `, until ${ignored.until}`]]);
  return el("details", { class: "finding", "data-key": key },
    el("summary", { class: "pick" }, el("span", { class: finding.impact === "CRITICAL" ? "bad" : "" }, `[${finding.impact}: ${finding.code}]`), ` ${finding.title}`),
    el("dl", {}, told.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
}

async function drawFindings() {
  const { findings, rules } = await ask("/api/findings");
  const ignored = findings.filter((one) => one.ignored);
  const sections = rules.map((rule) => {
    const own = findings.filter((one) => one.finding.code === rule.code && !one.ignored);
    return el("section", {},
      el("h2", {}, `${rule.code} ${rule.name} `, badge(rule.safety), " ", badge(`level ${rule.level}`), own.length ? [" ", badge(number(own.length), "strong")] : null),
      el("details", { class: "document", "data-key": `rule ${rule.code}` }, el("summary", {}, "What the rule says"), el("pre", {}, rule.document.trim())),
      own.length ? own.map(findingCard) : el("p", { class: "quiet" }, "Nothing found."));
  });
  const found = (section) => section.querySelector(".finding") !== null;
  redraw([
    ...(findings.length ? [] : [el("p", { class: "empty" }, "Nothing was found yet.")]),
    ...sections.filter(found),
    ignored.length ? el("details", { "data-key": "ignored" }, el("summary", {}, `${number(ignored.length)} ignored`), ignored.map(findingCard)) : null,
    el("details", { "data-key": "quiet" }, el("summary", {}, "Rules that found nothing"), sections.filter((section) => !found(section))),
  ]);
}

// Fingerprints.

const sorting = { by: "calls", down: true, filter: "" };
const COLUMNS = [
  ["fingerprint", "Fingerprint", (one) => el("button", { type: "button", class: "pick mono plain", "aria-expanded": "false", click: toggleCode(one) }, one.fingerprint)],
  ["calls", "Calls", (one) => number(one.calls) + (one.error ? ` (±${number(one.error)})` : "")],
  ["p50", "p50 ≤", (one) => ms(one.p50)],
  ["p95", "p95 ≤", (one) => ms(one.p95)],
  ["total", "Total", (one) => ms(one.total)],
  ["rows", "Rows", (one) => number(one.rows)],
  ["bytes", "Bytes", (one) => size(one.bytes)],
  ["merged", "Merged", (one) => share(one.merged, one.calls)],
  ["failed", "Failed", (one) => (one.failed ? el("span", { class: "bad" }, number(one.failed)) : "0")],
  ["traces", "Traces", (one) => number(one.traces)],
];
const opened = new Set();

const toggleCode = (one) => () => {
  if (!opened.delete(one.fingerprint)) opened.add(one.fingerprint);
  drawFingerprints();
};

function worth(one) {
  return sorting.by === "merged" ? one.merged / one.calls : one[sorting.by];
}

async function drawFingerprints() {
  const found = await ask("/api/fingerprints");
  const wanted = found.fingerprints.filter((one) => one.fingerprint.toLowerCase().includes(sorting.filter.toLowerCase()));
  wanted.sort((a, b) => (worth(a) < worth(b) ? -1 : worth(a) > worth(b) ? 1 : 0) * (sorting.down ? -1 : 1));
  const heads = COLUMNS.map(([name, label]) =>
    el("th", { scope: "col", class: name === "fingerprint" ? "" : "num", "aria-sort": name === sorting.by ? (sorting.down ? "descending" : "ascending") : null },
      el("button", { type: "button", "data-key": `sort ${name}`, click: () => { sorting.down = sorting.by === name ? !sorting.down : name !== "fingerprint"; sorting.by = name; drawFingerprints(); } }, label)));
  redraw([
    el("div", { class: "tools" },
      el("label", {}, "Fingerprint", el("input", { type: "search", "data-key": "filter", value: sorting.filter, autocomplete: "off",
        input: (event) => { sorting.filter = event.target.value; drawFingerprints(); } })),
      el("span", { class: "quiet" }, `${number(wanted.length)} of ${number(found.fingerprints.length)}`,
        found.since ? ` since ${moment(found.since)}` : "", found.replaced ? `, ${number(found.replaced)} gave way` : "")),
    el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, wanted.flatMap(usageRows))),
  ]);
}

function usageRows(one) {
  const row = el("tr", {}, COLUMNS.map(([name, , show]) => el("td", { class: name === "fingerprint" ? "name" : "num" }, show(one))));
  const button = row.querySelector("button");
  button.setAttribute("data-key", `usage ${one.fingerprint}`);
  if (!opened.has(one.fingerprint)) return [row];
  button.setAttribute("aria-expanded", "true");
  const told = [`From ${moment(one.first)} to ${moment(one.last)}; at most ${number(one.most_rows)} rows, ${size(one.largest)}.`,
    one.routes.length ? ` Routes: ${one.routes.join(", ")}.` : "", one.caller ? ` Called from ${one.caller}.` : ""];
  return [row, el("tr", {}, el("td", { colspan: COLUMNS.length }, el("div", { class: "inside" }, el("p", {}, told), code("curl", one.curl), code("supabase-js", one.supabase_js))))];
}

// Health.

async function drawHealth() {
  const [health, settings] = await Promise.all([ask("/api/health"), ask("/api/config")]);
  const changed = settings.filter((one) => one.source !== "default");
  const rest = settings.filter((one) => one.source === "default");
  redraw([
    el("h1", {}, `fanin ${health.version}`),
    el("p", {}, badge(health.state, health.state === "ready" ? "strong" : "bad"), " ", badge(`mode ${health.mode}`), " ",
      badge(health.upstream_up ? "upstream is up" : "upstream is down", health.upstream_up ? "" : "bad"), " ",
      health.shows_values ? badge("values are shown", "bad") : null),
    el("p", { class: "quiet" }, `Clients: ${health.base}. Upstream: ${health.upstream}.`),
    el("h2", {}, "Warnings"),
    health.warnings.length
      ? el("dl", { class: "reasons" }, health.warnings.flatMap((one) => [el("dt", {}, one.what), el("dd", {}, one.remedy, el("span", { class: "quiet" }, ` ${number(one.count)} times, last ${moment(one.last)}`))]))
      : el("p", { class: "quiet" }, "None."),
    el("h2", {}, "Now"),
    el("table", {}, el("tbody", {}, health.gauges.map((gauge) => gaugeRow(gauge, health.limits)))),
    el("h2", {}, "Settings that are not as they come"),
    changed.length ? settingsTable(changed) : el("p", { class: "quiet" }, "None."),
    el("details", { "data-key": "settings" }, el("summary", {}, `${number(rest.length)} others`), settingsTable(rest)),
  ]);
}

function gaugeRow(gauge, limits) {
  const named = /bounded by ([\w.]+\w)/.exec(gauge.help)?.[1] ?? "";
  const limit = Object.hasOwn(limits, named) ? limits[named] : null;
  return el("tr", {}, el("td", { class: "mono" }, gauge.name), el("td", { class: "num" }, number(gauge.value)),
    el("td", { class: "num quiet" }, limit === null ? "" : `of ${number(limit)}`),
    el("td", {}, limit === null ? null : el("meter", { min: 0, max: limit, value: gauge.value, title: named })),
    el("td", { class: "quiet" }, gauge.help));
}

const settingsTable = (settings) => el("table", {}, el("tbody", {}, settings.map((one) =>
  el("tr", {}, el("td", { class: "mono" }, one.name), el("td", { class: "mono" }, JSON.stringify(one.value)), el("td", { class: "quiet" }, one.source), el("td", { class: "quiet" }, one.help)))));

// Which page, and how it is kept up to date.

// What is open stays open, and where the focus is it stays.
function redraw(children) {
  const open = new Set([...main.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key));
  const active = main.contains(document.activeElement) ? document.activeElement : null;
  const key = active?.dataset.key ?? active?.closest("details[data-key]")?.dataset.key;
  const caret = active?.selectionStart;
  main.replaceChildren(...children.filter(Boolean));
  for (const one of main.querySelectorAll("[data-key]")) {
    if (open.has(one.dataset.key)) one.open = true;
    if (key !== undefined && one.dataset.key === key) {
      (one.querySelector(":scope > summary") ?? one).focus({ preventScroll: true });
      if (caret != null) one.setSelectionRange?.(caret, caret);
    }
  }
}

const PAGES = { traces: drawTraces, trace: drawTrace, id: drawLastOf, fingerprints: drawFingerprints, findings: drawFindings, health: drawHealth };
const POLLED = new Set(["fingerprints", "findings", "health"]);

function where() {
  const [page, argument] = location.hash.replace(/^#\//, "").split("/");
  return Object.hasOwn(PAGES, page) ? [page, argument ?? ""] : ["traces", ""];
}

async function draw() {
  const [page, argument] = where();
  for (const link of document.querySelectorAll("nav a")) {
    const own = link.hash === `#/${page}` || (["trace", "id"].includes(page) && link.hash === "#/traces");
    if (own) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `fanin: ${page}`;
  try {
    await PAGES[page](argument);
  } catch (error) {
    main.replaceChildren(el("p", { class: "empty bad" }, `This cannot be shown: ${error.message}`), el("p", { class: "empty" }, el("a", { href: "#/traces" }, "Traces")));
  }
}

function showLive() {
  pauseButton.setAttribute("aria-pressed", String(traces.paused));
  pauseButton.textContent = traces.paused ? "Go on" : "Pause";
  live.textContent = traces.paused ? (traces.held.length ? `${number(traces.held.length)} waiting` : "paused") : live.dataset.state ?? "";
}

function pause() {
  traces.paused = !traces.paused;
  const held = traces.held.splice(0);
  if (!traces.paused) addTraces(held, 0);
  showLive();
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

function follow() {
  const events = new EventSource("/api/events");
  const state = (text) => { live.dataset.state = text; showLive(); };
  events.addEventListener("hello", () => { state("live"); loadTraces().catch(() => {}); });
  events.addEventListener("traces", (event) => {
    const { traces: news, skipped } = JSON.parse(event.data);
    addTraces(news, skipped);
  });
  events.addEventListener("error", () => {
    state("no connection");
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, EVERY); // turned away: tried again
  });
}

// Keys.

function step(by) {
  const picks = [...main.querySelectorAll(".pick")].filter((one) => one.checkVisibility());
  const at = picks.indexOf(document.activeElement);
  picks[at < 0 ? 0 : Math.min(picks.length - 1, Math.max(0, at + by))]?.focus();
}

const help = document.getElementById("help");
const KEYS = {
  1: () => (location.hash = "#/traces"), 2: () => (location.hash = "#/fingerprints"),
  3: () => (location.hash = "#/findings"), 4: () => (location.hash = "#/health"),
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  p: pause, d: toggleTheme, "?": () => help.showModal(), "/": () => main.querySelector("input")?.focus(),
  Escape: () => { if (["trace", "id"].includes(where()[0])) location.hash = "#/traces"; },
};

document.addEventListener("keydown", (event) => {
  const field = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && field) event.target.blur();
  else if (!field && !help.open && !event.ctrlKey && !event.metaKey && !event.altKey && Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});
pauseButton.addEventListener("click", pause);
document.getElementById("theme").addEventListener("click", toggleTheme);
document.getElementById("keys").addEventListener("click", () => help.showModal());
addEventListener("hashchange", () => { draw(); scrollTo(0, 0); });
setInterval(() => { if (!traces.paused && !document.hidden && POLLED.has(where()[0])) draw(); }, EVERY);

const theme = localStorage.getItem("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
follow();
draw();
