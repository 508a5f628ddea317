// Times in the time zone that Airflow's UI shows, and clocks that run on.

// How far the server's clock is ahead of this one, in milliseconds.
let ahead = 0;

// Learns the server's time from the head of an answer.
export function setClock(date) {
  const told = Date.parse(date);
  // The head has whole seconds only, and the answer took its time.
  if (!Number.isNaN(told) && Math.abs(told - Date.now() - ahead) > 2000) {
    ahead = told - Date.now();
  }
}

export function localizeTimes(root) {
  const zone = timeZone();
  for (const time of root.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(time.dataset.at) * 1000);
    time.textContent = shown(at, zone);
    time.title = at.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  }
  tick(root);
}

export function tick(root) {
  const now = (Date.now() + ahead) / 1000;
  for (const clock of root.querySelectorAll("[data-since]")) {
    write(clock, words(Math.max(0, now - Number(clock.dataset.since))));
  }
  for (const clock of root.querySelectorAll("[data-until]")) {
    const left = Number(clock.dataset.until) - now;
    write(clock, left >= 0 ? `${words(left)} left` : `over by ${words(-left)}`);
  }
}

// As drs_recovery.durations.words, so that a page reads the same before and after the script.
export function words(seconds) {
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const parts = [[hours, "h"], [Math.floor(whole / 60) % 60, "min"], [hours ? 0 : whole % 60, "s"]];
  return parts.filter(([number]) => number).map(([number, unit]) => `${number} ${unit}`).join(" ") || "0 s";
}

export function clockTime(date) {
  return new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: timeZone() }).format(date);
}

function write(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function shown(at, zone) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  }).formatToParts(at);
  const part = (type) => parts.find((one) => one.type === type).value;
  const day = `${part("year")}-${part("month")}-${part("day")}`;
  return `${day} ${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName")}`;
}

function timeZone() {
  try {
    const zone = JSON.parse(localStorage.getItem("timezone")) ?? undefined;
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    // Without storage, or with something else in it: the time zone of this machine.
    return undefined;
  }
}
