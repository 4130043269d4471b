// The list of the history: one of its rows, as the page has it.
Object.assign(asr, {
  // The ids of the first few rows that the list shows as not ended yet, with commas between them.
  unfinishedRows() {
    const rows = document.querySelectorAll("#asr-history-list li:has(.asr-status:is(.queued, .running)) [data-select]");
    return Array.from(rows, (box) => box.dataset.select).slice(0, 10).join();
  },
  // A row is read from its beginning, and the list is where it was left.
  turnTo(id) {
    if (id && !this.listAt) this.listAt = { top: window.scrollY };
    const top = id ? 0 : this.listAt?.top || 0;
    if (!id) this.listAt = null;
    requestAnimationFrame(() => window.scrollTo({ top, behavior: "instant" }));
  },
  // The list items on show, with those of these rows as they are now; the others stay, however many there are.
  withItems(rows, items) {
    const mark = (item) => item.match(/data-select="[^"]*"/)?.[0];
    const each = (html) => html.split(/(?=<li>)/);
    const now = new Map(each(items).map((item) => [mark(item), item]));
    return each(rows).map((old) => (mark(old) && now.get(mark(old))) || old).join("");
  },
});
