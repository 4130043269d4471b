// <asr-player src duration label…>: play, seek, a waveform to touch, and the line that is being spoken.
(() => {
  const BARS = 240;
  const MAX_WAVE_SECONDS = 1200; // decoding more than this in the browser costs too much memory
  const DECODE_RATE = 8000;
  const style = `
    :host { display: block; }
    .row { display: flex; align-items: center; gap: .75rem; }
    button { font: inherit; color: inherit; cursor: pointer; border: 0; background: none; }
    .play { width: 2.75rem; height: 2.75rem; border-radius: 50%; background: var(--asr-accent); color: var(--asr-on-accent);
      flex: none; display: grid; place-items: center; }
    .play svg { width: 1.1rem; height: 1.1rem; fill: currentColor; }
    .wave { position: relative; flex: 1; height: 3.25rem; cursor: pointer; touch-action: none; border-radius: .4rem; min-width: 0; }
    canvas { width: 100%; height: 100%; display: block; }
    button:focus-visible, .wave:focus-visible { outline: 2px solid var(--asr-accent); outline-offset: 3px; }
    .time { font-variant-numeric: tabular-nums; color: var(--asr-muted); font-size: .9rem; flex: none; }
    .speed { padding: .3rem .5rem; border-radius: .4rem; color: var(--asr-muted); font-variant-numeric: tabular-nums; }
    .speed:hover { background: var(--asr-hover); }
    .note { color: var(--asr-muted); margin: .5rem 0 0; }
    .note a { color: var(--asr-accent); }
    [hidden] { display: none !important; }
    @media (max-width: 640px) { .row { gap: .5rem; } .time { font-size: .82rem; } .speed { padding: .3rem 0; } }`;
  const icons = { play: "M4 2l14 8-14 8z", pause: "M3 2h5v16H3zM12 2h5v16h-5z" };
  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const rest = `${String(Math.floor(whole / 60) % 60).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
    return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
  };

  customElements.define(
    "asr-player",
    class extends HTMLElement {
      static observedAttributes = ["src"];
      connectedCallback() {
        this.build();
        this.resizer = new ResizeObserver(() => this.draw());
        this.resizer.observe(this.wave);
        // In sight below the title, which may have several lines.
        const title = this.closest(".asr-detail")?.querySelector(":scope > header");
        this.below = new ResizeObserver(() => this.style.setProperty("top", `${title.offsetHeight - 1}px`));
        if (title) this.below.observe(title);
        // Dark and light differ in colours that a canvas cannot inherit.
        this.themes = new MutationObserver(() => this.draw());
        this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
      }
      disconnectedCallback() {
        this.audio?.pause();
        this.resizer?.disconnect();
        this.below?.disconnect();
        this.themes?.disconnect();
      }
      attributeChangedCallback(_, before) {
        if (this.audio && before !== null) this.load();
      }
      build() {
        if (this.shadowRoot) return;
        const say = window.asr.say;
        const root = this.attachShadow({ mode: "open" });
        root.innerHTML = `<style>${style}</style><audio preload="metadata"></audio>
          <div class="row"><button class="play" type="button"><svg viewBox="0 0 20 20"><path/></svg></button>
          <div class="wave" role="slider" tabindex="0" aria-valuemin="0"><canvas></canvas></div>
          <span class="time"></span><button class="speed" type="button">1×</button></div>
          <p class="note" hidden></p>`;
        this.audio = root.querySelector("audio");
        this.button = root.querySelector(".play");
        this.wave = root.querySelector(".wave");
        this.canvas = root.querySelector("canvas");
        this.time = root.querySelector(".time");
        this.note = root.querySelector(".note");
        this.row = root.querySelector(".row");
        this.wave.setAttribute("aria-label", say("player_position"));
        const speed = root.querySelector(".speed");
        speed.setAttribute("aria-label", say("player_speed"));
        speed.addEventListener("click", () => {
          const rates = [1, 1.25, 1.5, 2, 0.75];
          this.audio.playbackRate = rates[(rates.indexOf(this.audio.playbackRate) + 1) % rates.length];
          speed.textContent = `${this.audio.playbackRate}×`;
        });
        this.button.addEventListener("click", () => (this.audio.paused ? this.play() : this.audio.pause()));
        for (const name of ["play", "pause", "ended", "timeupdate", "loadedmetadata", "seeked"])
          this.audio.addEventListener(name, () => this.show());
        this.audio.addEventListener("play", () => this.tick());
        this.audio.addEventListener("error", () => this.refuse());
        const touch = (event) => {
          const box = this.wave.getBoundingClientRect();
          this.seek(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.seconds(), false);
        };
        this.wave.addEventListener("pointerdown", (event) => {
          this.wave.setPointerCapture(event.pointerId);
          touch(event);
        });
        this.wave.addEventListener("pointermove", (event) => event.buttons && touch(event));
        this.wave.addEventListener("keydown", (event) => {
          const step = { ArrowRight: 5, ArrowLeft: -5, PageUp: 30, PageDown: -30 }[event.key];
          if (event.key === " ") this.button.click();
          else if (step) this.seek(this.audio.currentTime + step, false);
          else return;
          event.preventDefault();
        });
        this.load();
      }
      load() {
        this.note.hidden = true;
        this.row.hidden = false;
        this.peaks = null;
        this.audio.src = this.getAttribute("src");
        this.show();
        this.measure(this.getAttribute("src"));
        // A search hit opens at its second.
        const found = this.closest(".asr-result")?.querySelector("[data-found]");
        if (found) this.audio.addEventListener("loadedmetadata", () => this.seek(Number(found.dataset.start) / 1000, false), { once: true });
      }
      seconds() {
        const told = this.audio.duration;
        return Number.isFinite(told) && told > 0 ? told : Number(this.getAttribute("duration")) || 0;
      }
      play() {
        this.audio.play().catch(() => this.refuse());
      }
      seek(seconds, play) {
        this.audio.currentTime = Math.min(Math.max(0, seconds), Math.max(0, this.seconds() - 0.01));
        this.show();
        if (play && this.audio.paused) this.play();
      }
      async refuse() {
        if (!this.audio.error) return;
        // The browser does not say whether it cannot play the recording, or did not get it.
        const answer = await fetch(this.audio.src, { method: "HEAD" }).catch(() => null);
        if (!this.audio.error) return;
        this.note.hidden = false;
        this.row.hidden = true; // nothing in it would do anything
        if (!answer?.ok) {
          this.note.textContent = window.asr.say(answer?.status === 404 ? "audio_gone" : "audio_away");
          return;
        }
        this.note.textContent = `${window.asr.say("player_unsupported")} `;
        const link = document.createElement("a");
        link.href = this.getAttribute("src");
        link.download = this.getAttribute("filename") || "";
        link.textContent = window.asr.say("player_download");
        this.note.append(link);
      }
      tick() {
        this.show();
        if (this.isConnected && !this.audio.paused) requestAnimationFrame(() => this.tick());
      }
      show() {
        const paused = this.audio.paused;
        this.button.setAttribute("aria-label", window.asr.say(paused ? "player_play" : "player_pause"));
        this.shadowRoot.querySelector("path").setAttribute("d", paused ? icons.play : icons.pause);
        const now = this.audio.currentTime;
        // A length is rounded, as everywhere else; a position is not there before its second has begun.
        const length = clock(Math.max(1, Math.round(this.seconds())));
        this.time.textContent = `${this.audio.ended ? length : clock(now)} / ${length}`;
        this.wave.setAttribute("aria-valuemax", String(Math.round(this.seconds())));
        this.wave.setAttribute("aria-valuenow", String(Math.round(now)));
        this.wave.setAttribute("aria-valuetext", clock(now));
        this.draw();
        this.highlight(now * 1000, !paused || now > 0);
      }
      highlight(ms, started) {
        for (const line of this.closest(".asr-result")?.querySelectorAll("[data-start]") || []) {
          const spoken = started && ms >= Number(line.dataset.start) && ms < Number(line.dataset.end);
          if (spoken === line.hasAttribute("data-now")) continue;
          line.toggleAttribute("data-now", spoken);
          if (spoken) this.reveal(line);
        }
      }
      // A list that scrolls in itself follows the sound, unless the pointer is in it: then somebody reads.
      reveal(line) {
        const list = line.parentElement;
        if (list.scrollHeight <= list.clientHeight || list.matches(":hover")) return;
        const [place, frame] = [line.getBoundingClientRect(), list.getBoundingClientRect()];
        if (place.top < frame.top || place.bottom > frame.bottom)
          list.scrollTop += place.top - frame.top - list.clientHeight / 3;
      }
      async measure(src) {
        if (!this.seconds())
          await new Promise((told) => this.audio.addEventListener("loadedmetadata", told, { once: true }));
        if (this.seconds() > MAX_WAVE_SECONDS || !window.OfflineAudioContext) return;
        try {
          const bytes = await (await fetch(src)).arrayBuffer();
          const sound = await new OfflineAudioContext(1, 1, DECODE_RATE).decodeAudioData(bytes);
          if (src !== this.getAttribute("src")) return;
          // All of them: on a call one side is silent while the other speaks.
          const sides = Array.from({ length: sound.numberOfChannels }, (_, side) => sound.getChannelData(side));
          const size = Math.max(1, Math.floor(sound.length / BARS));
          const peaks = Array.from({ length: BARS }, (_, bar) => {
            let peak = 0;
            for (const samples of sides)
              for (let at = bar * size; at < Math.min(samples.length, (bar + 1) * size); at += 2)
                peak = Math.max(peak, Math.abs(samples[at]));
            return peak;
          });
          const top = Math.max(...peaks, 0.01);
          this.peaks = peaks.map((peak) => peak / top);
          this.draw();
        } catch {
          // A format that the browser cannot decode: the plain line stays.
        }
      }
      draw() {
        const ratio = window.devicePixelRatio || 1;
        const width = Math.round(this.canvas.clientWidth * ratio);
        const height = Math.round(this.canvas.clientHeight * ratio);
        if (!width || !height) return;
        if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
        const colours = getComputedStyle(this);
        const pen = this.canvas.getContext("2d");
        const done = this.seconds() ? this.audio.currentTime / this.seconds() : 0;
        const bars = Math.max(24, Math.min(BARS, Math.floor(width / ratio / 4)));
        const step = width / bars;
        pen.clearRect(0, 0, width, height);
        for (let bar = 0; bar < bars; bar += 1) {
          const from = Math.floor((bar * BARS) / bars);
          const to = Math.max(from + 1, Math.floor(((bar + 1) * BARS) / bars));
          const peak = this.peaks ? Math.max(...this.peaks.slice(from, to)) : 0.04;
          const size = Math.max(2 * ratio, peak * height * 0.92);
          pen.fillStyle = colours.getPropertyValue((bar + 0.5) / bars <= done ? "--asr-accent" : "--asr-wave");
          pen.fillRect(bar * step, (height - size) / 2, Math.max(1, step * 0.55), size);
        }
      }
    },
  );
})();
