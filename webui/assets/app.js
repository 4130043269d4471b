// Small behaviours shared by the pages. Everything is delegated from the document, so that it survives re-rendering.
(() => {
  const { language, texts, title, upload } = window.asrPage; // put into the page by webui/page_head.py
  const say = (key, values = {}) =>
    (texts[key] || key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

  const announce = (message, shown_ms = 2200) => {
    let box = document.querySelector(".asr-toast");
    if (!box) {
      box = document.createElement("div");
      box.className = "asr-toast";
      box.setAttribute("role", "status");
      document.body.append(box);
    }
    box.textContent = message;
    box.classList.add("shown");
    clearTimeout(box.timer);
    box.timer = setTimeout(() => box.classList.remove("shown"), shown_ms);
  };

  // A question in the page itself; resolves to whether the person said yes.
  const confirmed = (question, yes = "history_delete", no = "confirm_no") =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog";
      const text = document.createElement("p");
      text.textContent = question;
      const row = document.createElement("div");
      row.className = "asr-dialog-buttons";
      for (const [value, key, kind] of [["no", no, "quiet"], ["yes", yes, "danger"]]) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = `asr-button ${kind}`;
        button.textContent = say(key);
        button.addEventListener("click", () => dialog.close(value));
        row.append(button);
      }
      dialog.append(text, row);
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      });
      document.body.append(dialog);
      dialog.showModal();
    });

  // Another name for who speaks in a line; resolves to {given, everyone}, or to nothing.
  const askName = ({ name, count }, names) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog asr-naming";
      const form = document.createElement("form");
      form.method = "dialog";
      const field = document.createElement("label");
      field.textContent = say("who_name_label");
      const input = document.createElement("input");
      Object.assign(input, { type: "text", maxLength: 40, value: name, autocomplete: "off" });
      input.setAttribute("list", "asr-known-names");
      const known = document.createElement("datalist");
      known.id = "asr-known-names";
      for (const other of names) known.append(new Option(other, other));
      field.append(input, known);
      const row = document.createElement("div");
      row.className = "asr-dialog-buttons";
      const everyone = Number(count) > 1 ? say("who_everyone", { name, count }) : say("who_save");
      const choices = [["", say("cancel"), "quiet"], ["everyone", everyone, "primary"]];
      if (Number(count) > 1) choices.splice(1, 0, ["line", say("who_this_line"), ""]);
      for (const [value, text, kind] of choices) {
        const button = document.createElement("button");
        // The form's first submit button is the one that Enter presses.
        button.type = value === "everyone" ? "submit" : "button";
        button.value = value;
        button.className = `asr-button ${kind}`;
        button.textContent = text;
        button.addEventListener("click", (event) => {
          event.preventDefault();
          dialog.close(value);
        });
        row.append(button);
      }
      form.append(field, row);
      dialog.append(form);
      dialog.addEventListener("close", () => {
        dialog.remove();
        const chosen = dialog.returnValue;
        resolve(chosen ? { given: input.value.trim(), everyone: chosen === "everyone" } : null);
      });
      document.body.append(dialog);
      dialog.showModal();
      input.select();
    });

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Without https there is no clipboard API.
      const area = document.createElement("textarea");
      area.value = text;
      area.style.cssText = "position:fixed;opacity:0";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const shownText = (result) => {
    const track = result.dataset.track === "spoken" ? "spoken" : "written";
    return (result.querySelector(`template[data-text="${track}"]`) || { content: { textContent: "" } }).content
      .textContent;
  };

  const chooseTrack = (button) => {
    const result = button.closest(".asr-result");
    const track = button.dataset.track;
    result.dataset.track = track;
    for (const other of result.querySelectorAll("[role=radio]")) {
      other.setAttribute("aria-checked", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    for (const link of result.querySelectorAll("a[data-export]")) {
      const url = new URL(link.href);
      url.searchParams.set("track", track === "spoken" ? "spoken" : "written");
      link.href = url.href;
    }
  };

  document.addEventListener("click", async (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const toggle = target.closest("[data-language-toggle]");
    if (toggle) {
      document.cookie = `asr_lang=${language === "zh" ? "en" : "zh"}; path=/; max-age=31536000; samesite=lax`;
      location.reload();
    }
    const copyButton = target.closest("[data-copy]");
    if (copyButton) announce(say((await copy(shownText(copyButton.closest(".asr-result")))) ? "copied" : "copy_failed"));
    const link = target.closest("[data-copy-link]");
    if (link) {
      const address = new URL(location.href);
      address.search = new URLSearchParams({ r: link.dataset.copyLink });
      announce(say((await copy(address.href)) ? "history_link_copied" : "copy_failed"));
    }
    const track = target.closest("[role=radio][data-track]");
    if (track) chooseTrack(track);
    const line = target.closest("[data-start]");
    if (line && !target.closest("[data-event]") && (target.closest("[data-seek]") || String(getSelection()) === "")) {
      const player = line.closest(".asr-result")?.querySelector("asr-player");
      if (player) player.seek(Number(line.dataset.start) / 1000, true);
    }
    for (const menu of document.querySelectorAll("details.asr-menu[open]")) {
      if (!menu.contains(target) || target.closest("a")) menu.removeAttribute("open");
    }
  });

  // What Gradio says in English, or says again after each change of its own.
  const tidy = () => {
    if (document.title !== title) document.title = title;
    const zone = document.querySelector("#asr-upload .upload-container");
    if (zone && zone.getAttribute("aria-label") !== upload) zone.setAttribute("aria-label", upload);
    const live = document.querySelector(".asr-lines.live");
    if (live && !live.away) live.scrollTop = live.scrollHeight;
  };
  new MutationObserver(tidy).observe(document.documentElement, { childList: true, subtree: true });
  // Text that comes in is followed, until the person scrolls up to read.
  document.addEventListener(
    "scroll",
    ({ target }) => {
      if (target instanceof Element && target.matches(".asr-lines.live"))
        target.away = target.scrollHeight - target.scrollTop - target.clientHeight > 60;
    },
    true,
  );

  // The microphone needs https or this machine, and to be there.
  const root = document.documentElement;
  root.classList.toggle("asr-insecure", !window.isSecureContext);
  const lookForMicrophone = async () => {
    const devices = await navigator.mediaDevices.enumerateDevices();
    root.classList.toggle("asr-no-microphone", !devices.some((device) => device.kind === "audioinput"));
  };
  if (window.isSecureContext && navigator.mediaDevices) {
    // A browser that lists no devices leaves the page as it is.
    const look = () => lookForMicrophone().catch(() => {});
    navigator.mediaDevices.addEventListener("devicechange", look);
    look();
  }

  // Gradio takes the first of several files without a word.
  document.addEventListener(
    "drop",
    (event) => {
      const field = event.target instanceof Element && event.target.closest("#asr-upload");
      if (field && event.dataTransfer && event.dataTransfer.files.length > 1) announce(say("one_file_only"), 12000);
    },
    true,
  );

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      const start = document.querySelector("#asr-start");
      if (start && start.offsetParent !== null && !start.disabled) {
        event.preventDefault();
        document.activeElement?.blur?.(); // a text field hands its value over when it loses the focus
        setTimeout(() => start.click(), 50);
      }
    }
    if (event.key === "Escape")
      for (const menu of document.querySelectorAll("details.asr-menu[open]")) menu.removeAttribute("open");
    const radio = event.target instanceof Element ? event.target.closest("[role=radio][data-track]") : null;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (radio && step) {
      event.preventDefault();
      const all = Array.from(radio.parentElement.querySelectorAll("[role=radio]"));
      const next = all[(all.indexOf(radio) + step + all.length) % all.length];
      next.focus();
      next.click();
    }
  });

  // Times are rendered in the reader's own time zone; shadow DOM, so that re-rendering leaves them alone.
  customElements.define(
    "asr-time",
    class extends HTMLElement {
      static observedAttributes = ["datetime", "full"];
      connectedCallback() {
        this.attributeChangedCallback();
      }
      attributeChangedCallback() {
        const when = new Date(this.getAttribute("datetime") || "");
        if (Number.isNaN(when.getTime())) return;
        if (!this.shadowRoot) this.attachShadow({ mode: "open" });
        const now = new Date();
        const today = when.toDateString() === now.toDateString();
        const tag = language === "zh" ? "zh-CN" : "en";
        const thisYear = when.getFullYear() === now.getFullYear();
        const two = (number) => String(number).padStart(2, "0");
        const date = `${two(when.getMonth() + 1)}-${two(when.getDate())}`;
        const clock = `${two(when.getHours())}:${two(when.getMinutes())}`;
        // Never the clock alone: it would look like the length of a recording.
        let day = thisYear ? date : `${when.getFullYear()}-${date}`;
        if (this.hasAttribute("full")) day = `${when.getFullYear()}-${date}`;
        else if (today) day = say("when_today");
        this.shadowRoot.textContent = `${day} ${clock}`;
        this.title = new Intl.DateTimeFormat(tag, { dateStyle: "full", timeStyle: "medium" }).format(when);
      }
    },
  );

  // The bar that appears when rows are selected. What is selected is kept by id: a list that is drawn again uses the
  // same checkboxes for other rows, and a tick that stayed behind would choose a row that nobody chose.
  customElements.define(
    "asr-selection",
    class extends HTMLElement {
      connectedCallback() {
        this.chosen = new Set();
        this.choose = (event) => {
          const id = event.target.dataset?.select;
          if (!id) return;
          this.chosen[event.target.checked ? "add" : "delete"](id);
          this.refresh();
        };
        document.addEventListener("change", this.choose);
        this.watcher = new MutationObserver(() => this.refresh());
        const list = document.querySelector("#asr-history-list");
        const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["data-select"] };
        if (list) this.watcher.observe(list, changes);
        this.refresh();
      }
      disconnectedCallback() {
        document.removeEventListener("change", this.choose);
        this.watcher.disconnect();
      }
      boxes() {
        const all = Array.from(document.querySelectorAll("[data-select]"));
        return all.filter((box) => this.chosen.has(box.dataset.select));
      }
      ids() {
        return this.boxes().map((box) => box.dataset.select);
      }
      names() {
        const names = this.boxes().map((box) => box.dataset.name);
        return names.slice(0, 3).join("、") + (names.length > 3 ? "…" : "");
      }
      clear() {
        this.chosen.clear();
        this.refresh();
      }
      refresh() {
        this.chosen = new Set(this.ids()); // what is no longer in the list is no longer selected
        for (const box of document.querySelectorAll("[data-select]")) box.checked = this.chosen.has(box.dataset.select);
        const count = this.chosen.size;
        this.toggleAttribute("data-shown", count > 0);
        const label = this.querySelector("[data-count]");
        if (label) label.textContent = say("history_selected", { count });
      }
    },
  );

  window.asr = {
    say,
    announce,
    confirmed,
    recognitionInAddress: () => new URLSearchParams(location.search).get("r") || "",
    putInAddress(id, push = false) {
      const url = new URL(location.href);
      if ((url.searchParams.get("r") || "") === id) return;
      if (id) url.searchParams.set("r", id);
      else url.searchParams.delete("r");
      history[push ? "pushState" : "replaceState"](history.state, "", url);
    },
    // An own recording: the form is again as it was before a sample came into it, but for what was edited since; the
    // result of another recording goes, but for one that is still being made.
    ownRecording(kept, hotwords, language, current, panel) {
      const { before = [], sample = [] } = kept ? JSON.parse(kept) : {};
      const form = [hotwords, language].map((value, at) => (value === sample[at] ? before[at] : value));
      const busy = document.querySelector("#asr-panel .asr-running");
      return ["", ...form, busy ? current : "", busy ? panel : ""];
    },
    // What a gr.HTML component needs so that [data-event] elements in it reach the server.
    async relay(event, trigger) {
      const source = event.target instanceof Element ? event.target.closest("[data-event]") : null;
      if (!source || source.getAttribute("aria-disabled") === "true") return;
      if (source.tagName === "A") {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
        event.preventDefault();
      }
      const data = { ...source.dataset };
      const result = source.closest(".asr-result");
      if (result) data.shown = result.dataset.track;
      if (data.event === "rename") {
        const names = Array.from(result.querySelectorAll("[data-event=rename]"), (button) => button.dataset.name);
        const answer = await askName(data, new Set(names.filter((name) => name !== data.name)));
        if (!answer || answer.given === data.name) return;
        Object.assign(data, answer);
      }
      const selection = source.closest("asr-selection");
      if (selection) data.ids = selection.ids().join(",");
      const named = { count: (data.ids || "").split(",").length, names: selection?.names(), name: data.name };
      const asked = data.confirm && say(data.confirm, named);
      if (asked && !(await confirmed(asked, data.confirmYes, data.confirmNo))) return;
      trigger(data.event, data);
    },
  };
})();
