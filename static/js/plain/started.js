// The first script of every page, plain and small: it looks after the person until the page's own module runs.
// What is pressed meanwhile on a labelling screen is kept, in its order; where the module never comes, the page says so.
(() => {
  const PATIENCE_MS = 20_000; // a slow line takes its time
  const root = document.documentElement;
  const keys = []; // presses that nobody listened to yet
  const isRunning = () => root.dataset.script === "running";
  const hasModule = () => document.querySelector("script[type=module]") !== null;

  /** Say that the page could not start, unless it did or needs nothing to. */
  function check() {
    const box = document.getElementById("not-started");
    if (!box || isRunning() || !hasModule()) return;
    root.dataset.script = "failed";
    box.hidden = false;
  }

  function keep(event) {
    const isScreen = document.body?.classList.contains("label-page");
    if (!isScreen || root.dataset.script || event.repeat || event.isComposing || event.key === "Tab") return;
    const { target } = event;
    if (target.closest?.("input, textarea, select, dialog")) return;
    if (target.closest?.("a[href], button, summary") && ["Enter", " "].includes(event.key)) return;
    keys.push(event);
    // Space must not scroll, nor / open the browser's own search; combinations stay the browser's.
    const isCombination = event.ctrlKey || event.metaKey || event.altKey;
    if (!isCombination && (event.key.length === 1 || /^(Backspace|F1|Arrow\w+)$/.test(event.key)))
      event.preventDefault();
  }

  addEventListener("keydown", keep, true);
  addEventListener("started", ({ detail }) => {
    removeEventListener("keydown", keep, true);
    root.dataset.script = "running";
    const box = document.getElementById("not-started");
    if (box) box.hidden = true; // it was only late
    detail.keys.push(...keys.splice(0));
  });
  // A module that can't be fetched, or one of those it imports.
  addEventListener(
    "error",
    ({ target }) => target instanceof HTMLScriptElement && target.type === "module" && check(),
    true,
  );
  // Modules have run by then: one that did not is broken.
  addEventListener("load", check);
  setTimeout(check, PATIENCE_MS);
})();
