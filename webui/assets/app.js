// What the pages' scripts share, as window.asr. Everything is delegated from the document, so that it survives
// re-rendering.
(() => {
  const { language, texts, title } = window.asrPage; // put into the page by webui/page_head.py
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

  const switchLanguage = () => {
    document.cookie = `asr_lang=${language === "zh" ? "en" : "zh"}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  };

  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    if (target.closest("[data-language-toggle]")) {
      // A page with a form takes it along, and then switches itself.
      if (window.dispatchEvent(new Event("asr-switch", { cancelable: true }))) switchLanguage();
    }
    for (const menu of document.querySelectorAll("details.asr-menu[open]")) {
      if (!menu.contains(target) || target.closest("a")) menu.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape")
      for (const menu of document.querySelectorAll("details.asr-menu[open]")) menu.removeAttribute("open");
  });

  // Gradio says it again after each change of its own.
  const keepTitle = () => {
    if (document.title !== title) document.title = title;
  };
  new MutationObserver(keepTitle).observe(document.documentElement, { childList: true, subtree: true });

  window.asr = {
    say,
    announce,
    switchLanguage,
    recognitionInAddress: () => new URLSearchParams(location.search).get("r") || "",
    putInAddress(id, push = false) {
      const url = new URL(location.href);
      if ((url.searchParams.get("r") || "") === id) return;
      if (id) url.searchParams.set("r", id);
      else url.searchParams.delete("r");
      history[push ? "pushState" : "replaceState"](history.state, "", url);
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
      const result = source.closest(".asr-result") || source.closest(".asr-detail")?.querySelector(".asr-result");
      if (result) data.shown = result.dataset.track;
      if (data.event === "rename") {
        const names = Array.from(result.querySelectorAll("[data-event=rename]"), (button) => button.dataset.name);
        const answer = await asr.askName(data, new Set(names.filter((name) => name !== data.name)));
        if (!answer || answer.given === data.name) return;
        Object.assign(data, answer);
      }
      if (data.ask) {
        data.answer = await asr.askText(say(data.ask));
        if (!data.answer) return;
      }
      const form = data.event === "again" && source.closest(".asr-detail")?.querySelector("template[data-again]");
      if (form) {
        const answer = await asr.askForm(form, `again ${data.id || ""}`);
        if (!answer) return;
        data.given = answer.given;
      }
      if ("opens" in data) {
        const answer = await asr.askForm(
          source.parentElement.querySelector("template[data-form]"),
          `${data.event} ${data.node || ""}`,
        );
        if (!answer) return;
        Object.assign(data, { event: answer.action, given: answer.given });
      }
      const selection = source.closest("asr-selection");
      if (selection) data.ids = selection.ids().join(",");
      if (data.event === "remove" && source.closest(".asr-detail")?.querySelector("[data-event=release]")) {
        announce(say("history_kept_this"), 4000);
        return;
      }
      const named = { count: (data.ids || "").split(",").length, names: selection?.names(), name: data.name };
      const asked = data.confirm && say(data.confirm, named);
      if (asked && !(await asr.confirmed(asked, data.confirmYes, data.confirmNo))) return;
      trigger(data.event, data);
    },
  };
})();
