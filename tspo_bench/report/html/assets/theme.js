// Runs before the page is drawn: the reader's choice of light or dark, and that scripts run.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("tspo-bench-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* some browsers keep nothing for files */ }
})();
