// The page of one trace: its costs, findings, bypass reasons and waterfall.

import { path } from "./address.js";
import { ask } from "./ask.js";
import { code, el, terms } from "./elements.js";
import { card } from "./finding.js";
import { many, moment, ms, number } from "./formats.js";
import { waterfall } from "./waterfall.js";

const NAME = "X-Fanin-Trace: one id for all calls of a request\nX-Fanin-Route: GET /its/path";

// `id` is percent-encoded, as in the URL.
export async function lastOf(id) {
  const { traces } = await ask(`/api/traces?id=${id}`);
  if (!traces.length) throw new Error("no trace with this id is stored any more.");
  return trace(traces[0].number);
}

export async function trace(which) {
  const own = path();
  const api = `/api/traces/${encodeURIComponent(which)}`;
  const detail = await ask(api);
  const { summary } = detail;
  const page = [
    el("p", {}, el("a", { href: "#/traces" }, "← Traces")),
    el("h1", {}, summary.route || summary.id),
    el("p", { class: "quiet" }, `Trace ${summary.id}, part ${summary.part}, ${summary.kind}`,
      summary.truncated ? ", truncated: it had more requests than these" : "", `, closed ${moment(summary.ended)}. `,
      el("a", { href: api }, "As JSON"), ", ", el("a", { href: `${api}/har`, download: `fanin-trace-${summary.number}.har` }, "HAR"), ", ",
      el("a", { href: `/api/recording?before=${summary.number + 1}&limit=1`, download: `fanin-trace-${summary.number}.jsonl` }, "recording")),
    figures(summary),
    compareWith(summary),
    summary.kind === "explicit" ? null : naming(),
    detail.findings.length ? el("section", { "aria-label": "Findings" }, el("h2", {}, "Findings"), detail.findings.map(card)) : null,
    listed("Not merged", detail.reasons),
    listed("Merged, answer not used", detail.fallbacks),
    el("h2", {}, "Waterfall"),
    waterfall(detail, own),
  ];
  page.title = summary.route || summary.id;
  return page;
}

function figures(summary) {
  const figure = (value, label, kind = null) => el("div", { class: kind }, el("b", {}, value), el("span", {}, label));
  return el("div", { class: "figures" },
    figure(number(summary.queries), "queries"), figure(number(summary.calls), "upstream calls"),
    figure(number(summary.saved), "saved"), figure(ms(summary.ms), "from first to last"),
    summary.failed ? figure(number(summary.failed), "failed", "bad") : null);
}

// A choice of other traces of the same route, filled when it is first used.
function compareWith(summary) {
  const choice = el("select", { focus: fill, pointerdown: fill, change: () => choice.value && (location.hash = choice.value) },
    el("option", { value: "" }, "another trace of this route"));
  async function fill() {
    choice.removeEventListener("focus", fill);
    choice.removeEventListener("pointerdown", fill);
    const { traces } = await ask("/api/traces").catch(() => ({ traces: [] }));
    const others = traces.filter(({ route, number: other }) => route === summary.route && other !== summary.number);
    choice.append(...others.map((other) => {
      const both = [other.number, summary.number].sort((a, b) => a - b).join(",");
      return el("option", { value: `#/compare/${both}` }, `${moment(other.ended)}: ${many(other.queries, "query", "queries")}, ${ms(other.ms)}`);
    }));
    if (!others.length) choice.options[0].textContent = "no other trace of this route is stored";
  }
  return el("div", { class: "tools" }, el("label", {}, "Compare with", choice));
}

const naming = () => el("details", { class: "document" },
  el("summary", {}, "This trace is inferred from caller and timing: let your application name it"), code("Headers", NAME));

function listed(title, reasons) {
  if (!reasons.length) return null;
  const pairs = reasons.map(({ count, reason, why, remedy }) => [
    `${number(count)} × ${reason}`, [why, " ", el("span", { class: "quiet" }, remedy)],
  ]);
  const total = reasons.reduce((sum, { count }) => sum + count, 0);
  return el("section", {}, el("h2", {}, `${title}: ${many(total, "request")}`), terms(pairs, "reasons"));
}
