// 重新识别 with other options, and two versions side by side.
(() => {
  // Resolves to what the form holds by then, or to nothing. What was given is there the next time as well: the server
  // may refuse a word.
  asr.askAgain = (template) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "asr-dialog asr-naming asr-again";
      dialog.append(template.content.cloneNode(true));
      const form = dialog.querySelector("form");
      form.querySelector("[data-close]").addEventListener("click", () => dialog.close(""));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        dialog.close("yes");
      });
      dialog.addEventListener("close", () => {
        const given = {};
        for (const field of form.querySelectorAll("[name]")) {
          given[field.name] = field.type === "checkbox" ? field.checked : field.value;
          const kept = template.content.querySelector(`[name="${field.name}"]`);
          if (field.type === "checkbox") kept.toggleAttribute("checked", field.checked);
          else if (field.tagName === "TEXTAREA") kept.textContent = field.value;
          else for (const option of kept.options) option.toggleAttribute("selected", option.value === field.value);
        }
        dialog.remove();
        resolve(dialog.returnValue === "yes" ? given : null);
      });
      document.body.append(dialog);
      dialog.showModal();
    });

  document.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[data-end-comparison]") : null;
    button?.closest("[data-slot]").replaceChildren();
  });
})();
