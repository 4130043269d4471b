// A text and what can be done with it: copied, shown as written or as spoken, heard from a line on, followed.
(() => {
  const { say, announce } = asr;

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Without https there is no clipboard API.
      const area = document.createElement("textarea");
      area.value = text;
      area.style.cssText = "position:fixed;opacity:0";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const shownText = (result) => {
    const track = result.dataset.track === "spoken" ? "spoken" : "written";
    return (result.querySelector(`template[data-text="${track}"]`) || { content: { textContent: "" } }).content
      .textContent;
  };

  const chooseTrack = (button) => {
    const result = button.closest(".asr-result");
    const track = button.dataset.track;
    result.dataset.track = track;
    for (const other of result.querySelectorAll("[role=radio]")) {
      other.setAttribute("aria-checked", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    for (const link of result.querySelectorAll("a[data-export]")) {
      const url = new URL(link.href);
      url.searchParams.set("track", track === "spoken" ? "spoken" : "written");
      link.href = url.href;
    }
  };

  document.addEventListener("click", async ({ target }) => {
    if (!(target instanceof Element)) return;
    const copyButton = target.closest("[data-copy]");
    if (copyButton) announce(say((await copy(shownText(copyButton.closest(".asr-result")))) ? "copied" : "copy_failed"));
    const link = target.closest("[data-copy-link]");
    if (link) {
      const address = new URL(location.href);
      address.search = new URLSearchParams({ r: link.dataset.copyLink });
      announce(say((await copy(address.href)) ? "history_link_copied" : "copy_failed"));
    }
    const track = target.closest("[role=radio][data-track]");
    if (track) chooseTrack(track);
    const line = target.closest("[data-start]");
    if (line && !target.closest("[data-event], [data-edit], [data-restore], .asr-mine") && (target.closest("[data-seek]") || String(getSelection()) === "")) {
      const player = line.closest(".asr-result")?.querySelector("asr-player");
      if (player) player.seek(Number(line.dataset.start) / 1000, true);
    }
  });

  document.addEventListener("keydown", (event) => {
    const radio = event.target instanceof Element ? event.target.closest("[role=radio][data-track]") : null;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (radio && step) {
      event.preventDefault();
      const all = Array.from(radio.parentElement.querySelectorAll("[role=radio]"));
      const next = all[(all.indexOf(radio) + step + all.length) % all.length];
      next.focus();
      next.click();
    }
  });

  // Text that comes in is followed, until the person scrolls up to read.
  const follow = () => {
    const live = document.querySelector(".asr-lines.live");
    if (live && !live.away) live.scrollTop = live.scrollHeight;
  };
  new MutationObserver(follow).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener(
    "scroll",
    ({ target }) => {
      if (target instanceof Element && target.matches(".asr-lines.live"))
        target.away = target.scrollHeight - target.scrollTop - target.clientHeight > 60;
    },
    true,
  );
})();
