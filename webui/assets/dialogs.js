// Questions in the page itself.
(() => {
  const { say } = asr;
  const { longest_name } = window.asrPage;

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
      Object.assign(input, { type: "text", maxLength: longest_name, value: name, autocomplete: "off" });
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

  Object.assign(asr, { confirmed, askName });
})();
