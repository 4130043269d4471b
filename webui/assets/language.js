// 中/EN draws the page anew; what was prepared on the 识别 page comes along, and what the 历史 page looks for. Files are
// on the server already: what is kept of them is the reference.
(() => {
  const KEY = `asr-prepared ${location.pathname}`;
  const tabs = () => Array.from(document.querySelectorAll(".asr-sources [role=tab]"));
  const advanced = () => document.querySelector(".asr-advanced > button");
  const isOpen = () => advanced()?.classList.contains("open") === true;

  // Gradio hands the form over once its upload is complete.
  asr.switchSoon = (event, askForForm) => {
    event.preventDefault();
    if (document.querySelector("#asr-upload .uploading")) asr.announce(asr.say("language_waits"), 6000);
    askForForm();
  };

  // `form`: the values of the page's fields; on the 识别 page the two recordings come first.
  asr.switchWith = async (form) => {
    const [, take] = form;
    if (!take && asr.holdsSound() && !(await asr.confirmed(asr.say("language_loses"), "language_switch", "cancel"))) return;
    const tab = tabs().findIndex((one) => one.getAttribute("aria-selected") === "true");
    sessionStorage.setItem(KEY, JSON.stringify({ form, tab, open: isOpen() }));
    asr.switchLanguage();
  };

  // The form as it was before the switch; nothing where there was none.
  asr.prepared = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
    sessionStorage.removeItem(KEY);
    if (!kept) return [];
    if (kept.tab > 0) tabs()[kept.tab]?.click();
    if (kept.open && !isOpen()) advanced()?.click();
    return kept.form;
  };
})();
