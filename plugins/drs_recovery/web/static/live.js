// Keeps the page up to date: asks for it again by its own address and morphs what changed into place.
import { clockTime, localizeTimes, setClock, words } from "./localize_times.js";
import { morph } from "./morph.js";
import { mark, settle } from "./sent.js";

const IN_BACKGROUND = 30_000;
const PATIENCE = 15_000;

let tag = null;
let shownAt = new Date();
let failingSince = null;
let timer = null;
let running = null;
let forFreshness = null;

export function startLive() {
  forFreshness = document.getElementById("freshness");
  if (!forFreshness.dataset.refresh) {
    return;
  }
  forFreshness.hidden = false;
  setInterval(tellFreshness, 1000);
  tellFreshness();
  addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("online", refresh);
  refresh();
}

// Asks now; who asks while an answer is on its way waits for a further one, which knows what was just done.
export async function refresh() {
  while (running) {
    await running;
  }
  clearTimeout(timer);
  running = look();
  await running;
  running = null;
  const seconds = Number(forFreshness.dataset.refresh);
  timer = setTimeout(refresh, document.hidden ? Math.max(IN_BACKGROUND, seconds * 1000) : seconds * 1000);
}

async function look() {
  let answer;
  try {
    answer = await fetch(location.href, {
      cache: "no-store",
      credentials: "same-origin",
      // Errors come as data, not as a page.
      headers: { Accept: "application/problem+json", ...(tag && { "If-None-Match": tag }) },
      signal: AbortSignal.timeout(PATIENCE),
    });
    await take(answer);
  } catch (error) {
    const slow = error.name === "TimeoutError";
    fail(slow ? `Airflow did not answer within ${words(PATIENCE / 1000)}` : "The console cannot reach Airflow");
  }
}

async function take(answer) {
  setClock(answer.headers.get("Date"));
  if (answer.status === 304) {
    succeed();
  } else if (answer.ok) {
    show(await answer.text());
    tag = answer.headers.get("ETag");
    succeed();
  } else if (answer.status === 401) {
    fail("You are logged out. Load the page again to log in");
  } else {
    fail(sentence((await problem(answer)).detail));
  }
}

function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  localizeTimes(page);
  mark(page);
  for (const id of ["main", "dialogs"]) {
    morph(document.getElementById(id), page.getElementById(id));
  }
  document.title = page.title;
  forFreshness.dataset.refresh = page.getElementById("freshness").dataset.refresh ?? "60";
}

function succeed() {
  shownAt = new Date();
  failingSince = null;
  document.getElementById("connection").hidden = true;
  settle();
  tellFreshness();
}

function fail(what) {
  // Told once, not at every try: a screen reader would read it out every time.
  if (failingSince === null) {
    failingSince = new Date();
  }
  const text = `${what}. Failing since ${clockTime(failingSince)}; what you see is from ${clockTime(shownAt)}.`;
  const banner = document.getElementById("connection");
  if (banner.textContent !== text) {
    banner.textContent = text;
  }
  banner.hidden = false;
  tellFreshness();
}

export async function problem(answer) {
  try {
    return await answer.json();
  } catch {
    return { detail: `Airflow answered with ${answer.status}` };
  }
}

function sentence(text) {
  const known = text || "The console has a problem";
  return known.charAt(0).toUpperCase() + known.slice(1).replace(/\.$/, "");
}

function tellFreshness() {
  const age = (Date.now() - shownAt) / 1000;
  forFreshness.textContent = `Updated ${clockTime(shownAt)} (${words(age)} ago)`;
  forFreshness.classList.toggle("stale", failingSince !== null);
}
