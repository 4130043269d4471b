// Questions in the page itself.
(() => {
  const { say } = asr;

  // Resolves to whether the person said yes.
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

  // The line that says how long a recording is kept, in the place of the one on show.
  const putRetention = (html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    const line = made.content.firstElementChild;
    if (!line) return;
    document.querySelector(`.asr-retention[data-id="${CSS.escape(line.dataset.id)}"]`)?.replaceWith(line);
  };

  Object.assign(asr, { askText, putRetention, confirmed, agreed });
})();
