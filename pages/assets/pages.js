// What the pages do beyond showing text: times in the reader's zone, a
// countdown, and copying. They are complete without it.

const shapes = {
  clock: { timeStyle: "medium" },
  minute: { timeStyle: "short" },
  date: { day: "numeric", month: "short" },
  day: { dateStyle: "full" },
  moment: { dateStyle: "medium", timeStyle: "short" },
};
const local = (iso, shape) => new Date(iso).toLocaleString("en-GB", shapes[shape]);

for (const el of document.querySelectorAll("time")) {
  const t = new Date(el.dateTime);
  const today = t.toDateString() === new Date(el.dataset.since ?? Date.now()).toDateString();
  el.title = t.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });
  el.textContent = local(t, el.dataset.as ?? (today ? "minute" : "moment"));
}

const two = (n) => String(n).padStart(2, "0");

function left(seconds) {
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  return h > 0 ? `${h} h ${two(m)} min left` : `${m}:${two(seconds % 60)} min left`;
}

for (const el of document.querySelectorAll("[data-until]")) {
  const until = new Date(el.dataset.until);
  const words = el.querySelector(".left");
  const tick = () => {
    const seconds = Math.round((until - Date.now()) / 1000);
    el.classList.toggle("soon", seconds < 300);
    el.classList.toggle("over", seconds <= 0);
    if (seconds > 0) {
      words.textContent = ` · ${left(seconds)}`;
      return;
    }
    words.textContent = " · they have expired";
    clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  tick();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const text = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      getSelection().selectAllChildren(text); // no clipboard here: the next key press copies
      said = "Press Ctrl+C";
    }
    button.textContent = said;
    document.getElementById("live").textContent = said;
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  });
}

// The timeline: its line, its clock times, and its days, which begin elsewhere
// in the reader's zone.

for (const el of document.querySelectorAll("[data-at]")) el.textContent = local(el.dataset.at, el.dataset.as);

for (const el of document.querySelectorAll("[data-says]")) {
  const says = `${local(el.dataset.from, "clock")} to ${local(el.dataset.to, "clock")}: ${el.dataset.says}`;
  el.setAttribute("aria-label", says);
  el.querySelector("title").textContent = says;
}

for (const el of document.querySelectorAll("[data-zone]")) {
  el.textContent = `Times are ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}

for (const steps of document.querySelectorAll(".steps")) {
  const heading = steps.querySelector(".day");
  for (const el of steps.querySelectorAll(".day")) el.remove();
  let day = "";
  for (const el of steps.querySelectorAll(":scope > .step-line")) {
    const at = el.querySelector("time").dateTime;
    if (local(at, "day") === day) continue;
    day = local(at, "day");
    const next = heading.cloneNode(true);
    next.querySelector("time").dateTime = at;
    next.querySelector("time").textContent = day;
    el.before(next);
  }
}
