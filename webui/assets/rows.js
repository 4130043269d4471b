// The list of the history: one of its rows, as the page has it.
Object.assign(asr, {
  // The id of a row that the list shows as not ended yet; nothing of any other.
  unfinishedRow(id) {
    const item = document.querySelector(`[data-select="${CSS.escape(id)}"]`)?.closest("li");
    return item?.querySelector(".asr-status:is(.queued, .running)") ? id : "";
  },
  // The list items on show, with the one of this row as it is now; the others stay, however many there are.
  withItem(rows, item) {
    const mark = item.match(/data-select="[^"]*"/)?.[0];
    const items = rows.split(/(?=<li>)/);
    return items.map((old) => (mark && old.includes(mark) ? item : old)).join("");
  },
});
