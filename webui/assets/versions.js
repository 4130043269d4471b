// 重新识别 with other options, and two versions side by side.
(() => {
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    target.closest("[data-end-comparison]")?.closest("[data-slot]").replaceChildren();
    if (target.closest("[data-to-versions]")) document.querySelector(".asr-versions").scrollIntoView({ block: "center" });
  });
})();
