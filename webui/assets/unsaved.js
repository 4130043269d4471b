// What was typed in lines and is not known to be saved, by recognition and line, with how many corrections had been seen
// when it was typed: a page that is loaded anew offers it again.
(() => {
  const KEPT = "asr-unsaved-lines";
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT)) || {};
  } catch {} // this page remembers by itself

  asr.unsaved = {
    isEmpty: () => !Object.keys(kept).length,
    // `{number: {typed, seen}}`.
    of: (id) => kept[id] || {},
    // Without a text it is saved, or given up.
    remember(id, number, typed, seen) {
      const lines = { ...kept[id], [number]: { typed, seen } };
      if (typed === undefined) delete lines[number];
      kept[id] = lines;
      if (!Object.keys(lines).length) delete kept[id];
      try {
        sessionStorage.setItem(KEPT, JSON.stringify(kept));
      } catch {} // as above
    },
  };
})();
