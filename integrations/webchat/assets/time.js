// Instants as the acting person reads them.

let zone;

// setZone chooses the zone instants are shown in; empty is the browser's own.
export function setZone(name) {
  zone = name || undefined;
}

const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });

export const clock = (t) => format({ hour: "2-digit", minute: "2-digit" }).format(t);
export const dayKey = (t) => format({ year: "numeric", month: "2-digit", day: "2-digit" }).format(t);
export const full = (t) => format({ dateStyle: "full", timeStyle: "long" }).format(t);

// dayName is what a separator between days says.
export function dayName(t, now = new Date()) {
  if (dayKey(t) === dayKey(now)) return "Today";
  if (dayKey(t) === dayKey(new Date(now - 864e5))) return "Yesterday";
  return format({ weekday: "long", day: "numeric", month: "long", year: t.getFullYear() === now.getFullYear() ? undefined : "numeric" }).format(t);
}

// instant is the short form: the time alone today, with the day otherwise.
export function instant(t, now = new Date()) {
  if (dayKey(t) === dayKey(now)) return clock(t);
  return format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(t);
}

// relative says how far away t is: "in 42 min", "3 h ago", "now".
export function relative(t, now = new Date()) {
  const s = Math.round((t - now) / 1000);
  const ahead = s > 0;
  const a = Math.abs(s);
  if (a < 20) return "now";
  const say = (text) => (ahead ? `in ${text}` : `${text} ago`);
  if (a < 90) return say(`${a} s`);
  const min = Math.round(a / 60);
  if (min < 100) return say(`${min} min`);
  const hours = Math.floor(min / 60);
  if (hours < 24) return say(min % 60 ? `${hours} h ${min % 60} min` : `${hours} h`);
  const days = Math.round(hours / 24);
  return say(days === 1 ? "1 day" : `${days} days`);
}

// keepFresh rewrites every relative hint below root from time to time.
export function keepFresh(root) {
  setInterval(() => {
    for (const el of root.querySelectorAll("[data-relative]")) {
      const text = relative(new Date(el.dataset.relative));
      if (el.textContent !== text) el.textContent = text;
    }
  }, 5000);
}

// toInstant reads what a datetime-local input holds as a time in the zone.
export function toInstant(local) {
  const wall = Date.parse(`${local}:00Z`);
  if (Number.isNaN(wall)) return "";
  let at = wall;
  for (let i = 0; i < 2; i++) at = wall - offset(new Date(at)); // twice: the first guess may lie across a change of the clocks
  return new Date(at).toISOString().replace(".000Z", "Z");
}

// toLocal writes an instant as a datetime-local input takes it.
export function toLocal(text) {
  const t = new Date(text);
  if (Number.isNaN(t.getTime())) return "";
  return new Date(t.getTime() + offset(t)).toISOString().slice(0, 16);
}

function offset(t) {
  const parts = Object.fromEntries(
    format({ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" })
      .formatToParts(t).map((p) => [p.type, Number(p.value)]),
  );
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return wall - Math.floor(t.getTime() / 1000) * 1000;
}
