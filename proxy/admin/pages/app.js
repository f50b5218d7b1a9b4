// The entry point of the pages: routing by the URL's hash, drawing and refreshing. A page is a function that returns elements.

import { el } from "./elements.js";
import { follow, isPaused, pause } from "./feed.js";
import { findings } from "./findings.js";
import { comparison } from "./comparison.js";
import { fingerprints } from "./fingerprints.js";
import { flows } from "./flows.js";
import { isSelecting, main, redraw } from "./frame.js";
import { health } from "./health.js";
import { listen, showHelp } from "./keys.js";
import { routes } from "./routes.js";
import { toggle } from "./theme.js";
import { lastOf, trace } from "./trace.js";
import { add, load, rowLink, traces } from "./traces.js";

const PAGES = { traces, trace, id: lastOf, compare: comparison, fingerprints, findings, health, routes, flows };
const TRACE_PAGES = new Set(["trace", "id", "compare"]);
const POLLED = new Set(["fingerprints", "findings", "health", "routes", "flows"]);
const POLL_INTERVAL = 3000; // milliseconds; these pages have no events

let drawn = 0; // number of the latest drawing: an older one that finishes late is discarded

function where(hash = location.hash) {
  const [page, argument] = hash.replace(/^#\//, "").split("?")[0].split("/");
  return Object.hasOwn(PAGES, page) ? [page, argument ?? ""] : ["traces", ""];
}

async function draw(show, fail) {
  const own = ++drawn;
  const [page, argument] = where();
  try {
    const elements = await PAGES[page](argument, refresh);
    if (own !== drawn) return;
    show(elements);
    document.title = `${elements.title ?? page} – fanin`;
  } catch (error) {
    if (own === drawn) fail(error);
  }
}

// A failed refresh keeps the old content: the header already says that there is no connection.
const refresh = () => draw(redraw, () => {});

function open() {
  markNavigation();
  return draw((elements) => main.replaceChildren(...elements.filter(Boolean)), showFailure);
}

function showFailure(error) {
  main.replaceChildren(el("p", { class: "empty bad" }, `This page failed to load: ${error.message}`),
    el("p", { class: "empty" }, el("a", { href: "#/traces" }, "Traces")));
}

function markNavigation() {
  const page = TRACE_PAGES.has(where()[0]) ? "traces" : where()[0];
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${page}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// Focus the row of the trace that the user comes back from, or the start of the page.
async function go(from) {
  await open();
  const [page, argument] = where(new URL(from).hash);
  const row = where()[0] === "traces" && page === "trace" ? rowLink(argument) : null;
  if (row?.checkVisibility()) return row.focus();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

const goTo = (page) => () => (location.hash = `#/${page}`);

listen({
  1: goTo("traces"), 2: goTo("fingerprints"), 3: goTo("findings"), 4: goTo("health"), 5: goTo("routes"), 6: goTo("flows"), p: pause, d: toggle,
  Escape: () => TRACE_PAGES.has(where()[0]) && goTo("traces")(),
});
document.getElementById("pause").addEventListener("click", pause);
document.getElementById("theme").addEventListener("click", toggle);
document.getElementById("keys").addEventListener("click", showHelp);
addEventListener("hashchange", (event) => go(event.oldURL));
setInterval(() => !isPaused() && !document.hidden && !isSelecting() && POLLED.has(where()[0]) && refresh(), POLL_INTERVAL);

follow((isAnew) => load(isAnew).catch(() => {}), add);
open();
