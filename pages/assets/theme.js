// Runs before the page is drawn, so that it never shows in the wrong colours.
(() => {
  const stored = localStorage.getItem("jit-theme");
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
