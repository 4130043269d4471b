// The form of the 识别 page: where a recording comes from, and the key that starts it.
(() => {
  const { upload } = window.asrPage;

  // Gradio names its field in English, and again after each change of its own.
  const nameField = () => {
    const zone = document.querySelector("#asr-upload .upload-container");
    if (zone && zone.getAttribute("aria-label") !== upload) zone.setAttribute("aria-label", upload);
  };
  new MutationObserver(nameField).observe(document.documentElement, { childList: true, subtree: true });

  // The microphone needs https or this machine, and to be there.
  const root = document.documentElement;
  root.classList.toggle("asr-insecure", !window.isSecureContext);
  const lookForMicrophone = async () => {
    const devices = await navigator.mediaDevices.enumerateDevices();
    root.classList.toggle("asr-no-microphone", !devices.some((device) => device.kind === "audioinput"));
  };
  if (window.isSecureContext && navigator.mediaDevices) {
    // A browser that lists no devices leaves the page as it is.
    const look = () => lookForMicrophone().catch(() => {});
    navigator.mediaDevices.addEventListener("devicechange", look);
    look();
  }

  // Gradio takes the first of several files without a word.
  document.addEventListener(
    "drop",
    (event) => {
      const field = event.target instanceof Element && event.target.closest("#asr-upload");
      if (field && event.dataTransfer && event.dataTransfer.files.length > 1)
        asr.announce(asr.say("one_file_only"), 12000);
    },
    true,
  );

  // Gradio shows the answer to a refused upload as it came. A full disk is put into words, also at the file.
  const nameRefusal = () => {
    for (const message of document.querySelectorAll(".toast-message-text")) {
      if (!message.textContent.startsWith("HTTP 507: ")) continue;
      message.textContent = asr.say("error_low_disk");
      for (const mark of document.querySelectorAll(".asr-sources .wrap > .error"))
        mark.textContent = message.textContent;
    }
  };
  new MutationObserver(nameRefusal).observe(document.documentElement, { childList: true, subtree: true });

  // A file that nobody can read is not sent: the row would only say what stands below the file already.
  document.addEventListener(
    "click",
    (event) => {
      const hopeless = document.querySelector("#asr-facts [data-hopeless]");
      if (!hopeless || !(event.target instanceof Element) || !event.target.closest("#asr-start")) return;
      event.stopImmediatePropagation();
      hopeless.scrollIntoView({ block: "nearest" });
      asr.announce(hopeless.textContent, 12000);
    },
    true,
  );

  // A double click is one wish: its second half starts nothing again, and does not press 取消, which has come into the
  // place of 开始识别 by then.
  const PRESSED_ONCE = "#asr-start, #asr-cancel, #asr-samples [data-event], #asr-panel [data-event=again]";
  document.addEventListener(
    "click",
    (event) => {
      if (event.detail > 1 && event.target instanceof Element && event.target.closest(PRESSED_ONCE))
        event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !event.repeat) {
      const start = document.querySelector("#asr-start");
      if (start && start.offsetParent !== null && !start.disabled) {
        event.preventDefault();
        document.activeElement?.blur?.(); // a text field hands its value over when it loses the focus
        setTimeout(() => start.click(), 50);
      }
    }
  });

  // An own recording: the form is again as it was before a sample came into it, but for what was edited since; the
  // result of another recording goes, but for one that is still being made.
  asr.ownRecording = (kept, hotwords, language, current, panel) => {
    const { before = [], sample = [] } = kept ? JSON.parse(kept) : {};
    const form = [hotwords, language].map((value, at) => (value === sample[at] ? before[at] : value));
    const busy = document.querySelector("#asr-panel .asr-running");
    return ["", ...form, busy ? current : "", busy ? panel : ""];
  };
})();
