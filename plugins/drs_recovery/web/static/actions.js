// Buttons open a dialog; a dialog sends what was decided to the API, once, and tells what came of it.
import { problem, refresh } from "./live.js";
import { remember } from "./sent.js";

export function startActions() {
  // On the document: what is on the page comes and goes.
  document.addEventListener("click", clicked);
  document.addEventListener("submit", submitted);
}

function clicked(event) {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    // What was sent is not sent again before the record shows what came of it.
    if (opener.getAttribute("aria-disabled") === "true") {
      return;
    }
    open(document.getElementById(opener.dataset.dialog));
  } else if (event.target.closest("[data-close]")) {
    event.target.closest("dialog")?.close();
  } else if (event.target.closest("[data-copy]")) {
    copy(event.target.closest("[data-copy]"));
  } else if (event.target.closest("[data-dismiss]")) {
    document.getElementById("outcome").hidden = true;
    document.getElementById("main").focus();
  }
}

// Marks the text first: where a frame may not use the clipboard, the person still can.
async function copy(button) {
  const text = document.getElementById(button.dataset.copy);
  getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = document.execCommand("copy") ? "Copied" : "Marked: press Ctrl+C";
  }
}

function open(dialog) {
  const form = dialog.querySelector("form");
  form.reset();
  tell(form, "");
  dialog.showModal();
}

async function submitted(event) {
  const form = event.target;
  if (!form.dataset.action) {
    return;
  }
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  // A second click while the first is on its way does nothing.
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  tell(form, "Sending …");
  try {
    await send(form);
  } catch {
    tell(form, "Airflow could not be reached; it is not known whether this was done. The page shows it once it is updated.", true);
  } finally {
    button.removeAttribute("aria-disabled");
    refresh();
  }
}

async function send(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(bodyOf(form)),
  });
  const said = await problem(answer);
  if (answer.ok) {
    form.closest("dialog").close();
    remember(form.dataset.subject, form.dataset.label, said.outcome);
    focusAgain();
  } else {
    tell(form, said.detail, true);
  }
}

const NUMBERS = ["wave", "step"];

// The fields as the API wants them; what was left empty is left out.
function bodyOf(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (value !== "") {
      body[name] = NUMBERS.includes(name) ? Number(value) : value;
    }
  }
  return body;
}

function tell(form, text, failed = false) {
  const place = form.querySelector("[data-result]");
  place.classList.toggle("failed", failed);
  place.textContent = text;
}

// The button that opened the dialog may be gone: what was offered has been done.
function focusAgain() {
  if (!document.activeElement || document.activeElement === document.body) {
    document.getElementById("main").focus();
  }
}
