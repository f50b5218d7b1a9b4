// What was found: by rule, the worst first, with the rules' documents; what is ignored stands apart.

import { ask } from "./ask.js";
import { badge, el } from "./elements.js";
import { card } from "./finding.js";
import { number } from "./formats.js";

const IMPACTS = ["CRITICAL", "HIGH", "MEDIUM", "LOW"];

export async function findings() {
  const { findings: found, rules } = await ask("/api/findings");
  const worst = found.toSorted((a, b) => IMPACTS.indexOf(a.finding.impact) - IMPACTS.indexOf(b.finding.impact) || b.count - a.count);
  const ignored = worst.filter((one) => one.ignored);
  const open = Map.groupBy(worst.filter((one) => !one.ignored), (one) => one.finding.code);
  const quiet = rules.filter((rule) => !open.has(rule.code));
  return [
    el("h1", { class: "unseen" }, "Findings"),
    open.size ? null : nothing(ignored.length),
    ...[...open].map(([code, own]) => section(rules.find((rule) => rule.code === code), own)),
    ignored.length ? folder("ignored", `${number(ignored.length)} ignored`, ignored.map(card)) : null,
    quiet.length ? folder("quiet", `${number(quiet.length)} rules that found nothing`, quiet.map((rule) => section(rule, []))) : null,
  ];
}

const nothing = (ignored) => el("div", { class: "empty" },
  el("p", {}, ignored ? "Nothing was found but what is ignored." : "Nothing was found yet."),
  el("p", {}, "Rules look at each trace when it closes, and at all queries together from time to time: use the pages of your "
    + "application that feel slow, and come back."));

const folder = (key, name, content) => el("details", { class: "folder", "data-key": key }, el("summary", {}, name), content);

const section = (rule, own) => el("section", {},
  el("h2", {}, `${rule.code} ${rule.name} `, badge(rule.safety), " ", badge(`level ${rule.level}`),
    own.length ? [" ", badge(number(own.length), "high")] : null),
  el("details", { class: "document", "data-key": `rule ${rule.code}` },
    el("summary", {}, "What the rule says"), el("pre", {}, rule.document.trim())),
  own.map(card));
