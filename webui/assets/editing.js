// A line's text is changed in its place: a click or Enter begins, Enter saves, Esc leaves it as it was. What is typed
// is saved as well when one goes on elsewhere. Nothing is drawn anew but the line, so that the player plays on.
(() => {
  const { say, announce } = asr;
  const { longest_text } = window.asrPage;
  const ANSWER_MS = 20_000;

  // The text in which somebody writes, and how it was.
  let open = null;
  // What waits to be saved, and what is on its way: one at a time, so that answers come in order.
  const waiting = [];
  let sent = [];
  let late;

  // As the server reads it: one line.
  const written = (text) => text.trim().replace(/\s+/g, " ");

  const placeOf = (event) => {
    if (!event) return null;
    if (document.caretPositionFromPoint) {
      const place = document.caretPositionFromPoint(event.clientX, event.clientY);
      return place && [place.offsetNode, place.offset];
    }
    const range = document.caretRangeFromPoint?.(event.clientX, event.clientY);
    return range && [range.startContainer, range.startOffset];
  };

  const begin = (text, event) => {
    if (text.closest("li").dataset.saving !== undefined) return;
    open = { text, html: text.innerHTML, was: text.textContent };
    text.textContent = open.was; // without marks of a search
    try {
      text.contentEditable = "plaintext-only";
    } catch {
      text.contentEditable = "true"; // browsers of before 2025
    }
    text.focus();
    const place = placeOf(event);
    const selection = getSelection();
    if (place && text.contains(place[0])) selection.collapse(...place);
    else selection.selectAllChildren(text), selection.collapseToEnd();
  };

  const end = (save) => {
    const { text, html, was } = open;
    const now = written(text.textContent);
    if (save && Array.from(now).length > longest_text) {
      announce(say("error_invalid_options_text_too_long", { limit: longest_text }), 6000);
      return;
    }
    open = null;
    text.removeAttribute("contenteditable");
    const line = text.closest("li");
    if (!save || now === written(was) || !line.isConnected) text.innerHTML = html;
    else put({ line, given: now, shown: [text, html], typed: now });
  };

  const put = (change) => {
    const { line } = change;
    change.result = line.closest(".asr-result");
    change.number = Array.prototype.indexOf.call(line.parentElement.children, line);
    line.dataset.saving = "";
    if (change.shown) change.shown[0].textContent = change.typed;
    waiting.push(change);
    send();
  };

  const send = () => {
    if (sent.length || !waiting.length) return;
    const { result } = waiting[0];
    sent = waiting.filter((change) => change.result === result);
    waiting.splice(0, waiting.length, ...waiting.filter((change) => change.result !== result));
    const lines = Object.fromEntries(sent.map(({ number, given }) => [number, given]));
    late = setTimeout(answered, ANSWER_MS);
    asr.correct({ id: result.dataset.id, lines, shown: result.dataset.track });
  };

  const answered = () => {
    clearTimeout(late);
    sent = [];
    send();
  };

  const putLine = (list, number, html) => {
    const old = list?.children[number];
    if (!old) return;
    const template = document.createElement("template");
    template.innerHTML = html;
    const line = template.content.firstElementChild;
    if (old.dataset.now !== undefined) line.dataset.now = "";
    const focused = old.contains(document.activeElement);
    old.replaceWith(line);
    const shown = Array.from(line.querySelectorAll("[data-edit]")).find((text) => text.offsetParent);
    if (focused) shown?.focus({ preventScroll: true });
  };

  // What was unfolded stays so, and who was in it stays there.
  const fill = (slot, html) => {
    const unfolded = slot.querySelector("details[open]");
    const focused = slot.contains(document.activeElement);
    slot.innerHTML = html;
    const folded = slot.querySelector("details");
    if (unfolded && folded) folded.open = true;
    if (focused) folded?.querySelector("summary").focus({ preventScroll: true });
    const comparison = slot.querySelector(":scope > .asr-comparison");
    comparison?.focus({ preventScroll: true });
    comparison?.scrollIntoView({ block: "start" });
  };

  // What was typed comes back to be saved once more.
  const giveBack = (changes) => {
    for (const { line, shown, typed } of changes) {
      delete line.dataset.saving;
      if (!shown) continue;
      const [text, html] = shown;
      text.innerHTML = html;
      if (open || !text.isConnected) continue;
      begin(text);
      text.textContent = typed;
      getSelection().selectAllChildren(text);
      getSelection().collapseToEnd();
    }
  };

  asr.patched = (answer) => {
    if (!answer) return;
    const { id, refused, lines = {}, texts = {}, slots = {} } = JSON.parse(answer);
    if (refused) giveBack(sent);
    const result = document.querySelector(`.asr-result[data-id="${CSS.escape(id)}"]`);
    if (result) {
      const list = result.querySelector(":scope > .asr-lines");
      for (const [number, html] of Object.entries(lines)) putLine(list, Number(number), html);
      for (const [track, text] of Object.entries(texts))
        result.querySelector(`template[data-text="${track}"]`)?.content.replaceChildren(text);
      const around = result.closest(".asr-detail") || result;
      for (const [name, html] of Object.entries(slots)) {
        const slot = around.querySelector(`[data-slot="${name}"]`);
        if (slot) fill(slot, html);
      }
    }
    if (refused || Object.keys(lines).length) answered();
  };

  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const restore = target.closest("[data-restore]");
    if (restore) {
      const { restore: number, text = null } = restore.dataset;
      const list = restore.closest(".asr-detail, .asr-result").querySelector(".asr-lines:has(> [data-start] [data-edit])");
      const line = number ? list?.children[number] : restore.closest("li");
      if (line && line.dataset.saving === undefined) put({ line, given: text });
      return;
    }
    const text = target.closest("[data-edit]");
    if (text && text !== open?.text && String(getSelection()) === "") begin(text, event);
  });

  document.addEventListener(
    "keydown",
    (event) => {
      const { target, key } = event;
      const text = target instanceof Element ? target.closest("[data-edit]") : null;
      // An input method's own Enter and Esc choose among its words.
      if (!text || event.isComposing || event.keyCode === 229) return;
      if (key === "Enter") {
        event.preventDefault();
        event.stopImmediatePropagation(); // Ctrl+Enter is no wish to recognise something
        if (open?.text === text) end(true);
        else begin(text);
      } else if (key === "Escape" && open?.text === text) {
        event.preventDefault();
        event.stopImmediatePropagation();
        end(false);
      } else return;
      if (!open) text.focus({ preventScroll: true });
    },
    true,
  );

  document.addEventListener("focusout", ({ target }) => {
    // Whoever looks into another window comes back to what was being typed.
    if (open?.text === target && document.hasFocus()) end(true);
  });
})();
