// Draws what has changed, and leaves alone what has not: what is open stays open, and who points at a button keeps it.
(() => {
  const key = (node) => (node.nodeType === Node.ELEMENT_NODE && node.dataset.key) || "";

  const sameKind = (old, made) => old.nodeType === made.nodeType && old.nodeName === made.nodeName && key(old) === key(made);

  const update = (old, made) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== made.data) old.data = made.data;
      return;
    }
    if (old.nodeName === "TEMPLATE") {
      if (old.innerHTML !== made.innerHTML) old.replaceWith(made.cloneNode(true));
      return;
    }
    for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes])
      if (!made.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    children(old, made);
  };

  const children = (parent, made) => {
    const keyed = new Map([...parent.childNodes].filter(key).map((node) => [key(node), node]));
    let place = parent.firstChild;
    for (const wanted of [...made.childNodes]) {
      const known = key(wanted) ? keyed.get(key(wanted)) : place;
      if (known && sameKind(known, wanted)) {
        if (known === place) place = place.nextSibling;
        else parent.insertBefore(known, place);
        update(known, wanted);
      } else parent.insertBefore(wanted.cloneNode(true), place);
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  asr.draw = (selector, html) => {
    const first = document.querySelector(`${selector} [data-drawn]`);
    if (!first) return;
    const made = document.createElement("template");
    made.innerHTML = html;
    if (made.content.firstElementChild) update(first, made.content.firstElementChild);
  };
})();
