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
      const tag = window.asrPage.language === "zh" ? "zh-CN" : "en";
      const thisYear = when.getFullYear() === now.getFullYear();
      const two = (number) => String(number).padStart(2, "0");
      const date = `${two(when.getMonth() + 1)}-${two(when.getDate())}`;
      const clock = `${two(when.getHours())}:${two(when.getMinutes())}`;
      // Never the clock alone: it would look like the length of a recording.
      let day = thisYear ? date : `${when.getFullYear()}-${date}`;
      if (this.hasAttribute("full")) day = `${when.getFullYear()}-${date}`;
      else if (today) day = asr.say("when_today");
      this.shadowRoot.textContent = `${day} ${clock}`;
      this.title = new Intl.DateTimeFormat(tag, { dateStyle: "full", timeStyle: "medium" }).format(when);
    }
  },
);
