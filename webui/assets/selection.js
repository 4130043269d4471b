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
      if (label) label.textContent = asr.say("history_selected", { count });
    }
  },
);
