// Another name for who speaks in a line.
(() => {
  const { say } = asr;
  const { longest_name, sides, usual_names } = window.asrPage;

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // 坐席 and 客户 with one click.
  const quickNames = (name, take) => {
    const row = made("div", { className: "asr-quick" });
    for (const side of sides) {
      if (side === name) continue;
      const button = made("button", { type: "button", className: "asr-button", textContent: side });
      button.addEventListener("click", () => take(side));
      row.append(button);
    }
    return row;
  };

  const nameField = (name, others) => {
    const properties = { type: "text", value: name, autocomplete: "off" };
    const input = made("input", properties);
    input.setAttribute("list", "asr-known-names");
    const known = made("datalist", { id: "asr-known-names" }, ...Array.from(others, (other) => new Option(other, other)));
    return [input, made("label", {}, say("who_name_label"), input, known)];
  };

  // Resolves to {given, whom}, or to nothing. `usual`: the name that an empty one stands for; `others`: the names of
  // those who speak here too. Nobody gets such a name for good: the two swap, or lines are given to the other; all of
  // them where they are speakers that were told apart, who may be one person. The sides of a call never are. Only a
  // swap can be undone, so it is what Enter does.
  asr.askName = ({ name, usual, count }, others) =>
    new Promise((resolve) => {
      const dialog = made("dialog", { className: "asr-dialog asr-naming" });
      const [input, field] = nameField(name, others);
      const hint = made("p", { className: "asr-note", role: "status" });
      const several = Number(count) > 1;
      const mayBeOne = !sides.includes(usual);
      const choice = (value, type, kind, text) => {
        const button = made("button", { value, type, className: `asr-button ${kind}`, textContent: text });
        button.addEventListener("click", (event) => {
          event.preventDefault();
          dialog.close(button.value);
        });
        return button;
      };
      const line = choice("line", "button", "", say("who_this_line"));
      const merge = choice("merge", "button", "", "");
      // The form's only submit button is the one that Enter presses.
      const main = choice("everyone", "submit", "primary", "");
      // As the server reads it: without invisible characters, and a usual name of any language as this one's.
      const given = () => input.value.replace(/\p{C}/gu, " ").trim().replace(/\s+/g, " ");
      const refresh = () => {
        const wanted = usual_names[given()] || given() || usual;
        const taken = wanted !== name && others.has(wanted);
        const taker = mayBeOne ? "who_taken_speaker" : "who_taken";
        const tooLong = Array.from(wanted).length > longest_name;
        hint.textContent = taken ? say(taker, { name: wanted }) : say("who_empty", { name: usual });
        if (tooLong) hint.textContent = say("error_invalid_options_name_too_long", { limit: longest_name });
        hint.classList.toggle("problem", tooLong);
        main.value = taken ? "swap" : "everyone";
        const everyone = several ? say("who_everyone", { name, count }) : say("who_save");
        main.textContent = taken ? say("who_swap_names") : everyone;
        merge.textContent = say("who_merge", { name: wanted, count });
        merge.hidden = !taken || !mayBeOne;
        line.hidden = !several && (!taken || mayBeOne);
        line.disabled = !given() || tooLong;
        main.disabled = tooLong;
      };
      const quick = quickNames(name, (side) => {
        input.value = side;
        refresh();
        input.focus();
      });
      input.addEventListener("input", refresh);
      refresh();
      const buttons = made("div", { className: "asr-dialog-buttons" }, choice("", "button", "quiet", say("cancel")), line, merge, main);
      dialog.append(made("form", { method: "dialog" }, field, quick, hint, buttons));
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue ? { given: given(), whom: dialog.returnValue } : null);
      });
      document.body.append(dialog);
      dialog.showModal();
      input.select();
    });
})();
