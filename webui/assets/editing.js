// A line's text is changed in its place: a click or Enter begins, Enter saves, Esc leaves it as it was. What is typed
// is saved as well when one goes on elsewhere. Nothing is drawn anew but the line, so that the player plays on.
(() => {
  const { say, announce, unsaved: { isEmpty, of, remember } } = asr;
  const { longest_text } = window.asrPage;
  const ANSWER_MS = 20_000;

  // The text in which somebody writes, and how it was.
  let open = null;
  // What waits to be saved, and what is on its way: one at a time, so that answers come in order.
  const waiting = [];
  let sent = [];
  let late;
  // How texts were that hold what could not be saved.
  const unsaved = new WeakMap();

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

  // Where a line stands: in which recognition, and its number there.
  const whereIs = (line) => [
    line.closest(".asr-result").dataset.id,
    Array.prototype.indexOf.call(line.parentElement.children, line),
  ];

  const textIn = (line) => {
    const texts = Array.from(line?.querySelectorAll("[data-edit]") || []);
    return texts.find((text) => text.offsetParent) || texts[0];
  };

  // How many corrections the text on show has: who writes knows nothing of later ones, and must not write over them.
  const seenIn = (line) => Number(line.closest(".asr-result").dataset.seen);

  const begin = (text, event) => {
    if (text.closest("li").dataset.saving !== undefined) return;
    const { html = text.innerHTML, was = text.textContent, seen = seenIn(text) } = unsaved.get(text) || {};
    open = { text, html, was, seen };
    text.textContent = text.textContent; // without marks of a search
    try {
      text.contentEditable = "plaintext-only";
    } catch {
      text.contentEditable = "true"; // browsers of before 2025
    }
    text.closest("li").dataset.hint = say("correction_keys");
    text.focus();
    const place = placeOf(event);
    const selection = getSelection();
    if (place && text.contains(place[0])) selection.collapse(...place);
    else selection.selectAllChildren(text), selection.collapseToEnd();
  };

  const end = (save) => {
    const { text, html, was, seen } = open;
    const now = written(text.textContent);
    if (save && Array.from(now).length > longest_text) {
      announce(say("error_invalid_options_text_too_long", { limit: longest_text }), 6000);
      return;
    }
    open = null;
    text.removeAttribute("contenteditable");
    const line = text.closest("li");
    unsaved.delete(text);
    delete line.dataset.unsaved;
    delete line.dataset.hint;
    text.removeAttribute("title");
    if (!save || (was !== null && now === written(was)) || !line.isConnected) {
      text.innerHTML = html;
      if (line.isConnected) remember(...whereIs(line));
    } else put({ line, given: now, shown: [text, html], typed: now, seen });
  };

  const put = (change) => {
    const { line } = change;
    change.result = line.closest(".asr-result");
    [change.id, change.number] = whereIs(line);
    change.seen ??= seenIn(line);
    line.dataset.saving = "";
    if (change.shown) {
      change.shown[0].textContent = change.typed;
      remember(change.id, change.number, change.typed, change.seen);
    }
    waiting.push(change);
    send();
  };

  const send = () => {
    if (sent.length || !waiting.length) return;
    const { result, seen } = waiting[0];
    const goes = (change) => change.result === result && change.seen === seen;
    sent = waiting.filter(goes);
    waiting.splice(0, waiting.length, ...waiting.filter((change) => !goes(change)));
    const lines = Object.fromEntries(sent.map(({ number, given }) => [number, given]));
    // Taken back, not typed: where somebody else was first, other words say so.
    const restored = sent.filter((change) => change.restores).map(({ number }) => number);
    late = setTimeout(unanswered, ANSWER_MS);
    asr.correct({ id: result.dataset.id, lines, restored, based_on: seen, shown: result.dataset.track });
  };

  const answered = () => {
    clearTimeout(late);
    sent = [];
    send();
  };

  const unanswered = () => {
    announce(say("correction_unanswered"), 6000);
    giveBack(sent);
    answered();
    offer();
  };

  const putLine = (list, number, html) => {
    const old = list?.children[number];
    // An answer may come after its time, when somebody writes there once more.
    if (!old || old.contains(open?.text)) return;
    const template = document.createElement("template");
    template.innerHTML = html;
    const line = template.content.firstElementChild;
    if (old.dataset.now !== undefined) line.dataset.now = "";
    const focused = old.contains(document.activeElement);
    old.replaceWith(line);
    if (focused) textIn(line)?.focus({ preventScroll: true });
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

  // What was typed comes back to be saved once more; beside a text in which somebody writes by now, it waits.
  const giveBack = (changes) => {
    for (const { line, shown, typed, seen } of changes) {
      delete line.dataset.saving;
      if (!shown) continue;
      const [text, html] = shown;
      unsaved.set(text, { html, was: null, seen });
      if (open) {
        line.dataset.unsaved = "";
        text.title = say("correction_unsaved");
        continue;
      }
      text.innerHTML = html;
      if (!text.isConnected) continue;
      begin(text);
      text.textContent = typed;
      getSelection().selectAllChildren(text);
      getSelection().collapseToEnd();
    }
  };

  // Somebody else wrote in a line meanwhile: theirs stands in it, and below it what was typed here.
  const putAside = ({ id, number, seen }, typed, list) => {
    const line = list?.children[number];
    const isTheSame = line && typed === written(textIn(line).textContent);
    remember(id, number, isTheSame ? undefined : typed, seen);
    if (!line || isTheSame) return;
    const note = document.createElement("span");
    note.className = "asr-corrected asr-mine";
    const told = Object.assign(document.createElement("b"), { textContent: say("correction_mine") });
    const was = Object.assign(document.createElement("span"), { className: "was", textContent: typed });
    const [take, drop] = ["correction_mine_take", "correction_mine_drop"].map((key) =>
      Object.assign(document.createElement("button"), { type: "button", className: "asr-link", textContent: say(key) }),
    );
    Object.assign(take.dataset, { restore: "", text: typed });
    drop.dataset.drop = "";
    note.append(told, was, take, drop);
    line.append(note);
  };

  const isUnderWay = (id, number) => [...sent, ...waiting].some((one) => one.id === id && one.number === number);

  // A text that is drawn anew, after the server was away, gets back what was typed in it.
  const offer = () => {
    const found = [];
    for (const result of document.querySelectorAll(".asr-result[data-id]")) {
      const { id } = result.dataset;
      for (const [number, { typed, seen }] of Object.entries(of(id))) {
        const line = result.querySelector(":scope > .asr-lines")?.children[number];
        const text = textIn(line);
        if (!text || line.contains(open?.text) || isUnderWay(id, Number(number))) continue;
        if ("unsaved" in line.dataset || line.querySelector(".asr-mine")) continue;
        // It was saved, and only its answer was lost.
        if (written(text.textContent) === typed) remember(id, number);
        else found.push({ line, shown: [text, text.innerHTML], typed, seen });
      }
    }
    if (!found.length) return;
    for (const { shown, typed } of found) shown[0].textContent = typed;
    giveBack(found);
    announce(say("correction_unsaved"), 6000);
  };

  new MutationObserver(() => {
    if (!isEmpty()) offer();
  }).observe(document.documentElement, { childList: true, subtree: true });

  addEventListener("pagehide", () => {
    if (!open?.text.isConnected) return;
    remember(...whereIs(open.text.closest("li")), written(open.text.textContent), open.seen);
  });

  asr.patched = (answer) => {
    if (!answer) return;
    const { id, refused, saved = [], overtaken = [], seen, lines = {}, texts = {}, slots = {} } = JSON.parse(answer);
    if (refused) giveBack(sent);
    for (const number of saved) remember(id, number);
    const result = document.querySelector(`.asr-result[data-id="${CSS.escape(id)}"]`);
    const list = result?.querySelector(":scope > .asr-lines");
    if (result) {
      if (seen !== undefined) result.dataset.seen = seen;
      for (const [number, html] of Object.entries(lines)) putLine(list, Number(number), html);
      for (const [track, text] of Object.entries(texts))
        result.querySelector(`template[data-text="${track}"]`)?.content.replaceChildren(text);
      const around = result.closest(".asr-detail") || result;
      for (const [name, html] of Object.entries(slots)) {
        const slot = around.querySelector(`[data-slot="${name}"]`);
        if (slot) fill(slot, html);
      }
    }
    if (overtaken.length) {
      for (const change of sent.map((one) => ({ ...one, seen }))) {
        const typed = change.typed ?? of(id)[change.number]?.typed;
        if (!overtaken.includes(change.number)) waiting.unshift(change);
        else if (typed !== undefined) putAside(change, typed, list);
      }
    }
    if (refused || saved.length || overtaken.length) answered();
  };

  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const drop = target.closest("[data-drop]");
    if (drop) {
      remember(...whereIs(drop.closest("li")));
      drop.closest(".asr-mine").remove();
      return;
    }
    const restore = target.closest("[data-restore]");
    if (restore) {
      const { restore: number, text = null } = restore.dataset;
      const list = restore.closest(".asr-detail, .asr-result").querySelector(".asr-lines:has(> [data-start] [data-edit])");
      const line = number ? list?.children[number] : restore.closest("li");
      const restores = !restore.closest(".asr-mine");
      if (line && line.dataset.saving === undefined) put({ line, given: text, restores });
      return;
    }
    const text = target.closest("[data-edit]");
    if (!text || text === open?.text || String(getSelection()) !== "") return;
    // What cannot be saved as it is comes first.
    if (open?.text.isConnected) open.text.focus();
    else begin(text, event);
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
