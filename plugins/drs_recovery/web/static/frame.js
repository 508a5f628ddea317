// Airflow shows the console in a frame that may neither lead the whole window elsewhere nor open another one.
// Both are of one origin, though: a link that leaves the console is followed by the window around it.

export function startFrame() {
  if (window.parent !== window && around()) {
    document.addEventListener("click", clicked);
    document.addEventListener("auxclick", clicked);
  }
}

function around() {
  try {
    return window.parent.document;
  } catch {
    // A page of somebody else; headers forbid it, so this is only for browsers that do not know them.
    return null;
  }
}

function clicked(event) {
  const link = event.target.closest("a[href]");
  const inNewTab = event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1;
  if (!link || event.defaultPrevented || event.button > 1 || !(link.target || inNewTab)) {
    return;
  }
  event.preventDefault();
  const page = around();
  const twin = page.createElement("a");
  twin.href = link.href;
  twin.target = inNewTab ? "_blank" : link.target;
  twin.rel = "noopener noreferrer";
  page.body.append(twin);
  twin.click();
  twin.remove();
}
