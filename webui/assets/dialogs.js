// Questions in the page itself.
(() => {
  const { say } = asr;

  // Resolves to whether the person said yes.
  const confirmed = (question, yes = "history_delete", no = "confirm_no", answer = yes && say(yes)) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog";
      const text = document.createElement("p");
      text.textContent = question;
      const row = document.createElement("div");
      row.className = "asr-dialog-buttons";
      for (const [value, words, kind] of [["no", say(no), "quiet"], ["yes", answer, "danger"]]) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = `asr-button ${kind}`;
        button.textContent = words;
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

  // What the server wants asked, given back where the answer is yes.
  const agreed = async (asked) => (asked && (await confirmed(JSON.parse(asked).question)) ? asked : "");

  // Resolves to what was written on one line; to nothing where the person thinks better of it.
  const askText = (question) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog asr-asking";
      const form = document.createElement("form");
      form.method = "dialog";
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "text", maxLength: 200, autocomplete: "off" });
      label.append(question, input);
      const row = document.createElement("div");
      row.className = "asr-dialog-buttons";
      const no = Object.assign(document.createElement("button"), { type: "button", className: "asr-button quiet" });
      no.textContent = say("cancel");
      no.addEventListener("click", () => dialog.close(""));
      const yes = Object.assign(document.createElement("button"), { value: "yes", className: "asr-button primary" });
      yes.textContent = say("retention_yes");
      const refresh = () => (yes.disabled = !input.value.trim());
      input.addEventListener("input", refresh);
      refresh();
      row.append(no, yes);
      form.append(label, row);
      dialog.append(form);
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes" ? input.value.trim() : "");
      });
      document.body.append(dialog);
      dialog.showModal();
      input.focus();
    });

  // What was given in a form that was sent, by its name: the server may refuse some of it, and then it is there again.
  const given = new Map();

  // Resolves to what the form of the template holds and the value of the button that sent it, or to nothing.
  const askForm = (template, name) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog asr-naming asr-form";
      dialog.append(template.content.cloneNode(true));
      const form = dialog.querySelector("form");
      const fields = form.querySelectorAll("[name]");
      // Unless it was taken: then the page shows it, or has what was added.
      const kept = given.get(name);
      const isOpen = kept?.of === template.innerHTML && !document.querySelector(`[data-key="${CSS.escape(kept.sent.url || "")}"]`);
      for (const field of isOpen ? fields : []) field[field.type === "checkbox" ? "checked" : "value"] = kept.sent[field.name];
      form.querySelector("[data-close]").addEventListener("click", () => dialog.close(""));
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const { value, dataset } = event.submitter;
        if (dataset.question && !(await confirmed(dataset.question, null, "cancel", event.submitter.textContent))) return;
        dialog.close(value || "yes");
      });
      dialog.addEventListener("close", () => {
        const sent = {};
        for (const field of fields) sent[field.name] = field.type === "checkbox" ? field.checked : field.value;
        if (dialog.returnValue) given.set(name, { sent, of: template.innerHTML });
        else given.delete(name);
        dialog.remove();
        resolve(dialog.returnValue ? { given: sent, action: dialog.returnValue } : null);
      });
      document.body.append(dialog);
      dialog.showModal();
    });

  // The line that says how long a recording is kept, in the place of the one on show.
  const putRetention = (html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    const line = made.content.firstElementChild;
    if (!line) return;
    document.querySelector(`.asr-retention[data-id="${CSS.escape(line.dataset.id)}"]`)?.replaceWith(line);
  };

  Object.assign(asr, { askForm, askText, putRetention, confirmed, agreed });
})();
