// The pages of fanin: what happened, as it happens. Each page is a function from what its address says to its elements.

import { el } from "./elements.js";
import { follow, isPaused, pause } from "./feed.js";
import { findings } from "./findings.js";
import { fingerprints } from "./fingerprints.js";
import { isMarking, main, redraw } from "./frame.js";
import { health } from "./health.js";
import { listen, showHelp } from "./keys.js";
import { toggle } from "./theme.js";
import { lastOf, trace } from "./trace.js";
import { add, lineOf, load, traces } from "./traces.js";

const PAGES = { traces, trace, id: lastOf, fingerprints, findings, health };
const ONE = new Set(["trace", "id"]); // those of one trace
const POLLED = new Set(["fingerprints", "findings", "health"]);
const EVERY = 3000; // milliseconds between two looks at what no event tells of

let drawn = 0; // each drawing has a number: one that comes late is not shown

function where(hash = location.hash) {
  const [page, argument] = hash.replace(/^#\//, "").split("/");
  return Object.hasOwn(PAGES, page) ? [page, argument ?? ""] : ["traces", ""];
}

async function draw(show, fail) {
  const own = ++drawn;
  const [page, argument] = where();
  try {
    const made = await PAGES[page](argument, refresh);
    if (own !== drawn) return;
    show(made);
    document.title = `${made.title ?? page} – fanin`;
  } catch (error) {
    if (own === drawn) fail(error);
  }
}

// What is shown stays where nothing newer is to be had: the header tells when there is no connection.
const refresh = () => draw(redraw, () => {});

function open() {
  markNavigation();
  return draw((made) => main.replaceChildren(...made.filter(Boolean)), tellFailure);
}

function tellFailure(error) {
  main.replaceChildren(el("p", { class: "empty bad" }, `This cannot be shown: ${error.message}`),
    el("p", { class: "empty" }, el("a", { href: "#/traces" }, "Traces")));
}

function markNavigation() {
  const page = ONE.has(where()[0]) ? "traces" : where()[0];
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${page}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The focus goes with the reader: to the line that one comes back to, or to the beginning of the page.
async function go(from) {
  await open();
  const [page, argument] = where(new URL(from).hash);
  const line = where()[0] === "traces" && page === "trace" ? lineOf(argument) : null;
  if (line?.checkVisibility()) return line.focus();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

const goTo = (page) => () => (location.hash = `#/${page}`);

listen({
  1: goTo("traces"), 2: goTo("fingerprints"), 3: goTo("findings"), 4: goTo("health"), p: pause, d: toggle,
  Escape: () => ONE.has(where()[0]) && goTo("traces")(),
});
document.getElementById("pause").addEventListener("click", pause);
document.getElementById("theme").addEventListener("click", toggle);
document.getElementById("keys").addEventListener("click", showHelp);
addEventListener("hashchange", (event) => go(event.oldURL));
setInterval(() => !isPaused() && !document.hidden && !isMarking() && POLLED.has(where()[0]) && refresh(), EVERY);

follow((isAnew) => load(isAnew).catch(() => {}), add);
open();
