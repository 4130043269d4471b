// A file that was made for this page: the browser keeps it at once. The link beside it stays, should somebody want the
// file again.
customElements.define(
  "asr-save",
  class extends HTMLElement {
    // Gradio changes the element that is there when the next file comes, and draws the same one twice.
    static observedAttributes = ["file"];
    static saved = new Set();
    attributeChangedCallback(_, __, file) {
      if (!file || this.constructor.saved.has(file)) return;
      this.constructor.saved.add(file);
      const link = document.createElement("a");
      link.href = file;
      link.download = "";
      link.click();
    }
  },
);
