// Light or dark as Airflow's UI, which keeps the choice under "theme"; without one the system decides.
"use strict";
(() => {
  const root = document.documentElement;

  function apply() {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // A browser may forbid the storage.
    }
    if (chosen === "light" || chosen === "dark") {
      root.dataset.theme = chosen;
    } else {
      delete root.dataset.theme;
    }
  }

  root.classList.add("js");
  apply();
  // Told to all documents of Airflow but the one that changed it: also to this one, in its frame.
  addEventListener("storage", apply);
})();
