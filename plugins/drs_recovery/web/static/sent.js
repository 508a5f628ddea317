// What was sent and is not on record yet: its buttons say so, and its notice goes when the record shows it.

// A notice is read before it goes, however quick the record is.
const SHORTEST = 4000;
// After so long something is wrong: the buttons can be pressed again.
const PATIENCE = 120_000;

const sent = new Map();

// The label is that of the button; the subject is on the page until the record shows what was done.
export function remember(subject, label, outcome) {
  sent.set(subject, { label, outcome, at: Date.now() });
  mark(document);
  tell(outcome);
}

// Marks the buttons of a page before it is shown.
export function mark(page) {
  for (const [subject, { label, at }] of sent) {
    const waits = Date.now() - at < PATIENCE;
    for (const button of page.querySelectorAll("[data-dialog]")) {
      if (button.dataset.subject === subject && waits) {
        button.setAttribute("aria-disabled", "true");
        if (button.textContent === label) {
          button.textContent = `Sent: ${label}`;
        }
      }
    }
  }
}

// Looks whether the page that is shown has what was sent.
export function settle() {
  for (const [subject, { outcome, at }] of sent) {
    const buttons = [...document.querySelectorAll("main [data-dialog]")].filter((one) => one.dataset.subject === subject);
    if (!buttons.length) {
      sent.delete(subject);
      setTimeout(() => withdraw(outcome), Math.max(0, SHORTEST - (Date.now() - at)));
    } else if (Date.now() - at >= PATIENCE) {
      buttons.forEach((one) => one.removeAttribute("aria-disabled"));
      tell(`${outcome} The record does not show it yet.`);
    }
  }
}

function withdraw(text) {
  const place = document.getElementById("outcome");
  if (place.firstChild?.textContent.startsWith(text)) {
    place.hidden = true;
  }
}

function tell(text) {
  const place = document.getElementById("outcome");
  if (!place.hidden && place.firstChild?.textContent === text) {
    return;
  }
  const words = document.createElement("span");
  words.textContent = text;
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "quiet";
  dismiss.dataset.dismiss = "";
  dismiss.textContent = "Dismiss";
  place.hidden = false;
  place.replaceChildren(words, dismiss);
}
