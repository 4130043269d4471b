// Whether the server still answers, asked while the page is seen. While it does not, a bar says so; when it is back,
// the page goes on by itself.
(() => {
  const LOOK_MS = 4000;
  const PATIENCE_MS = 8000;
  const LONGEST_PAUSE_MS = 10000;
  // One look that fails may be a hiccup.
  const FAILURES = 2;
  const root = document.documentElement;
  let failures = 0;
  let timer = 0;
  let looking = false;
  let leaving = false;
  let stale = false;

  const answers = async () => {
    const giveUp = new AbortController();
    const patience = setTimeout(() => giveUp.abort(), PATIENCE_MS);
    try {
      const answer = await fetch("./healthz", { cache: "no-store", signal: giveUp.signal });
      return answer.status < 500;
    } catch {
      return false;
    } finally {
      clearTimeout(patience);
    }
  };

  const show = () => {
    root.classList.add("asr-away");
    if (document.querySelector(".asr-server-lost")) return;
    const bar = document.createElement("div");
    bar.className = "asr-server-lost";
    bar.setAttribute("role", "status");
    bar.textContent = asr.say("server_lost");
    document.body.append(bar);
  };

  // A server that was started anew knows nothing of what this page's fields were told to offer.
  const isTheSame = async () => {
    try {
      const answer = await fetch("./gradio_api/app_id", { cache: "no-store" });
      return (await answer.json()).app_id === window.gradio_config.app_id;
    } catch {
      return false;
    }
  };

  // What the microphone records or has just recorded is in this page only.
  const holdsSound = () => {
    const stops = document.querySelectorAll("#asr-microphone :is(.stop-button, .stop-button-paused)");
    const recorded = document.querySelector("#asr-microphone .play-pause-button");
    return recorded !== null || Array.from(stops).some((button) => button.style.display === "flex");
  };

  asr.holdsSound = holdsSound;

  const renew = () => {
    leaving = true;
    location.reload();
  };

  // What the page waited for broke off with the connection; the address names it, so that a new page shows it again.
  const recover = async () => {
    stale = document.querySelector(".asr-running") !== null || !(await isTheSame());
    if (stale && !holdsSound()) {
      renew();
      return;
    }
    document.querySelector(".asr-server-lost")?.remove();
    // Gradio's messages about what failed meanwhile have nothing more to say.
    for (const button of document.querySelectorAll(".toast-wrap .toast-close")) button.click();
    root.classList.remove("asr-away");
  };

  const look = async () => {
    if (looking || leaving || document.hidden) return;
    looking = true;
    clearTimeout(timer);
    const well = await answers();
    if (well && failures >= FAILURES && !leaving) await recover();
    else if (well && stale && !leaving && !holdsSound()) renew();
    looking = false;
    if (leaving) return;
    failures = well ? 0 : failures + 1;
    if (failures >= FAILURES) show();
    const pause = failures ? Math.min(1000 * 1.5 ** (failures - 1), LONGEST_PAUSE_MS) : LOOK_MS;
    timer = setTimeout(look, pause);
  };

  addEventListener("pagehide", () => {
    leaving = true;
    clearTimeout(timer);
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    leaving = false;
    look();
  });
  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, LOOK_MS);
})();
