// The live feed: traces as they close, or held while it is paused.

import { number } from "./formats.js";

const AGAIN = 3000; // milliseconds until it is tried again after it was turned away
const HELD = 500; // traces that wait while it is paused
const VERSION = new URL(import.meta.url).pathname.split("/")[2];

const button = document.getElementById("pause");
const told = document.getElementById("live");

let state = "";
let run = null; // which one of fanin is followed
let paused = false;
let held = [];
let skipped = 0;
let take = () => {};

export const isPaused = () => paused;

// `began` is called when there may be traces that nobody told of, and with whether fanin began anew; `took` with those that
// closed, and how many more did.
export function follow(began, took) {
  take = took;
  const events = new EventSource("/api/events");
  events.addEventListener("hello", (event) => {
    const hello = JSON.parse(event.data);
    if (hello.pages !== VERSION && isFirst(hello.pages)) return location.reload(); // what this page asks may have changed
    const isAnew = run !== null && run !== hello.run;
    if (isAnew) held = [];
    run = hello.run;
    say("live");
    began(isAnew);
  });
  events.addEventListener("traces", (event) => {
    const news = JSON.parse(event.data);
    deliver(news.traces, news.skipped);
  });
  events.addEventListener("error", () => {
    say("no connection");
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN, began, took);
  });
}

// Traces, the oldest first: to whoever follows, or to wait.
export function deliver(traces, more = 0) {
  if (!paused) return take(traces, more);
  held.push(...traces);
  skipped += more + Math.max(0, held.length - HELD);
  held = held.slice(-HELD);
  show();
}

export function pause() {
  paused = !paused;
  if (!paused) {
    take(held, skipped);
    held = [];
    skipped = 0;
  }
  show();
}

// Once for each version: where several fanins share one address, a page is none of the other's for long.
function isFirst(version) {
  const before = sessionStorage.getItem("reloaded");
  sessionStorage.setItem("reloaded", version);
  return before !== version;
}

function say(text) {
  state = text;
  show();
}

function show() {
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? "Go on" : "Pause";
  told.classList.toggle("bad", state === "no connection");
  told.textContent = paused && state === "live" ? (held.length ? `${number(held.length)} waiting` : "paused") : state;
}
