// The number beside a slider. Gradio makes an emptied one the smallest that there is, and cuts off what is too large,
// without a word; so it is put right, in words, before Gradio sees that the field was left.
(() => {
  const labelOf = (input) => input.closest(".block").querySelector("[data-testid=block-info]").textContent.trim();

  // Gradio names the parts of a slider in English, and again after each change of its own.
  const PARTS = { "[type=number]": "number_value", "[type=range]": "number_slider", ".reset-button": "number_reset" };
  const nameParts = () => {
    for (const [part, key] of Object.entries(PARTS))
      for (const element of document.querySelectorAll(`#asr-recognise .block:has([type=range]) ${part}`)) {
        const name = asr.say(key, { field: labelOf(element) });
        if (element.getAttribute("aria-label") !== name) element.setAttribute("aria-label", name);
      }
  };
  new MutationObserver(nameParts).observe(document.documentElement, { childList: true, subtree: true });

  const put = (input, value) => {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener(
    "blur",
    ({ target: input }) => {
      if (!(input instanceof HTMLInputElement) || !input.matches("#asr-recognise [data-testid=number-input]")) return;
      const block = input.closest(".block");
      const [low, high, given] = [Number(input.min), Number(input.max), input.valueAsNumber];
      const field = labelOf(input);
      if (Number.isNaN(given)) {
        put(input, input.min); // what Gradio takes as the value until the next line gives it the default
        block.querySelector("[data-testid=reset-button]").click();
        setTimeout(() => asr.announce(asr.say("number_default", { field, value: input.value }), 6000));
      } else if (given < low || given > high) {
        const value = Math.min(Math.max(given, low), high);
        put(input, value);
        asr.announce(asr.say("number_cut_off", { field, low, high, value }), 6000);
      }
    },
    true,
  );
})();
