// Keeps the page current without losing the reader's place.
"use strict";
async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store" });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["live", "asof"]) {
      const old = document.getElementById(id);
      const now = next.getElementById(id);
      if (now && old.innerHTML !== now.innerHTML) old.replaceWith(now);
    }
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(refresh, document.hidden ? 10000 : 1500);
}
setTimeout(refresh, 1500);
