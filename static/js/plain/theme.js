// Sets the remembered theme before the first paint; therefore a plain blocking script. Also looks after the other choice
// that every page offers, the language.
(() => {
  const KEY = "labeller-theme";
  const root = document.documentElement;
  const remembered = () => {
    try {
      return localStorage.getItem(KEY) || "";
    } catch {
      return "";
    }
  };
  const apply = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    root.dispatchEvent(new CustomEvent("themechange"));
  };
  apply(remembered());
  addEventListener("storage", (event) => {
    if (event.key === KEY) apply(event.newValue || "");
  });
  addEventListener("DOMContentLoaded", () => {
    /** @type {NodeListOf<HTMLFormElement>} */
    const forms = document.querySelectorAll("form[data-submit-on-change]");
    for (const form of forms) {
      form.addEventListener("change", () => form.requestSubmit());
    }
    const select = /** @type {HTMLSelectElement} */ (document.getElementById("theme"));
    if (!select) return;
    select.value = remembered();
    select.addEventListener("change", () => {
      try {
        localStorage.setItem(KEY, select.value);
      } catch {
        // Without storage the choice holds for this page.
      }
      apply(select.value);
    });
  });
})();
