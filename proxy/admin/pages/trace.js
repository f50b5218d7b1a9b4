// The page of one trace: its costs, findings, bypass reasons and waterfall.

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
  const path = `/api/traces/${encodeURIComponent(which)}`;
  const detail = await ask(path);
  const { summary } = detail;
  const page = [
    el("p", {}, el("a", { href: "#/traces" }, "← Traces")),
    el("h1", {}, summary.route || summary.id),
    el("p", { class: "quiet" }, `Trace ${summary.id}, part ${summary.part}, ${summary.kind}`,
      summary.truncated ? ", truncated: it had more requests than these" : "", `, closed ${moment(summary.ended)}. `,
      el("a", { href: path }, "As JSON")),
    figures(summary),
    summary.kind === "explicit" ? null : naming(),
    detail.findings.length ? el("section", { "aria-label": "Findings" }, el("h2", {}, "Findings"), detail.findings.map(card)) : null,
    listed("Not merged", detail.reasons),
    listed("Merged, answer not used", detail.fallbacks),
    el("h2", {}, "Waterfall"),
    waterfall(detail),
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
