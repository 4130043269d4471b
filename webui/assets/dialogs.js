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

  Object.assign(asr, { confirmed });
})();
