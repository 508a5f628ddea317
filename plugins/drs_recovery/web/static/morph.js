// Makes a part of the page the same as a newer one without replacing it: focus, selection, scroll positions,
// what is unfolded and what is typed stay. Children with an id or data-key are told by it, others by their place.

export function morph(old, wanted) {
  if (old.isEqualNode(wanted)) {
    return;
  }
  morphAttributes(old, wanted);
  morphChildren(old, wanted);
}

// What the person changed, not the server.
function isTheirs(node, name) {
  return name === "open" || name === "data-printed" || (name === "class" && node === document.documentElement);
}

function isKept(node) {
  // Nobody's dialog closes while they type in it.
  return node.nodeName === "DIALOG" && node.open;
}

function morphAttributes(old, wanted) {
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !isTheirs(old, name)) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value && !isTheirs(old, name)) {
      old.setAttribute(name, value);
    }
  }
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || null : null;
}

function morphChildren(old, wanted) {
  const keys = new Set([...wanted.childNodes].map(keyOf).filter(Boolean));
  const keyed = new Map();
  for (const child of [...old.childNodes]) {
    const key = keyOf(child);
    if (key && keys.has(key)) {
      keyed.set(key, child);
    } else if (key && !isKept(child)) {
      child.remove();
    }
  }
  let place = old.firstChild;
  for (const next of wanted.childNodes) {
    const match = keyOf(next) ? keyed.get(keyOf(next)) : place && fits(place, next) ? place : null;
    if (!match) {
      old.insertBefore(document.importNode(next, true), place);
    } else {
      if (match === place) {
        place = place.nextSibling;
      } else {
        old.insertBefore(match, place);
      }
      morphNode(match, next);
    }
  }
  while (place) {
    const rest = place;
    place = place.nextSibling;
    if (!isKept(rest)) {
      rest.remove();
    }
  }
}

function fits(node, next) {
  return !keyOf(node) && node.nodeName === next.nodeName;
}

function morphNode(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) {
      old.nodeValue = next.nodeValue;
    }
  } else if (!isKept(old)) {
    morph(old, next);
  }
}
