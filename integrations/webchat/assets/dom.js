// Small helpers to build elements. Text always becomes a text node: nothing
// here, and nothing that uses it, ever parses a string as markup.

const svgSpace = "http://www.w3.org/2000/svg";

const paths = {
  neutral: "M4 8h8",
  waiting: "M8 4v4l2.5 2 M14 8a6 6 0 1 1-12 0a6 6 0 1 1 12 0",
  good: "M3.5 8.5l3 3l6-7",
  warning: "M8 5.5v3.2 M8 11.4v.1 M8 2l6.5 11.5h-13z",
  bad: "M4.5 4.5l7 7 M11.5 4.5l-7 7",
  sun: "M8 1.5v1.6 M8 12.9v1.6 M1.5 8h1.6 M12.9 8h1.6 M3.4 3.4l1.1 1.1 M11.5 11.5l1.1 1.1 M3.4 12.6l1.1-1.1 M11.5 4.5l1.1-1.1 M10.8 8a2.8 2.8 0 1 1-5.6 0a2.8 2.8 0 1 1 5.6 0",
  moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3z",
  menu: "M2.5 4.5h11 M2.5 8h11 M2.5 11.5h11",
  close: "M4 4l8 8 M12 4l-8 8",
  lock: "M4 7.5h8v6H4z M5.5 7.5V5.3a2.5 2.5 0 0 1 5 0v2.2",
  eye: "M1.5 8s2.4-4.2 6.5-4.2S14.5 8 14.5 8s-2.4 4.2-6.5 4.2S1.5 8 1.5 8z M9.8 8a1.8 1.8 0 1 1-3.6 0a1.8 1.8 0 1 1 3.6 0",
  thread: "M2.5 3h11v8H7l-3 2.5V11H2.5z",
  send: "M2.5 8L13.5 3L10 13.5L7.5 9z",
  key: "M9 8a3 3 0 1 1-6 0a3 3 0 1 1 6 0 M9 8h5.5 M12.5 8v2.5",
  out: "M6.5 3.5h-3v9h9v-3 M9 3.5h3.5V7 M12.5 3.5L7.5 8.5",
};

// icon draws one of the icons; words beside it say what it means.
export function icon(name) {
  const svg = document.createElementNS(svgSpace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svgSpace, "path");
  path.setAttribute("d", paths[name] ?? paths.neutral);
  svg.append(path);
  return svg;
}

// h makes an element. Props that are functions listen to the event of that
// name, "class" and "text" are what they say, true and false switch an
// attribute, everything else is an attribute. Empty children are left out.
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") el.addEventListener(name, value);
    else if (name === "class") el.className = value;
    else if (name === "text") el.textContent = value;
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  el.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false && c !== ""));
  return el;
}

export const byId = (id) => document.getElementById(id);

// avatar is a person's initials on a colour that is always theirs.
export function avatar(name, key, app = false) {
  if (app) return h("span", { class: "avatar app-avatar", "aria-hidden": "true" }, icon("key"));
  const initials = name.split(/\s+/).slice(0, 2).map((w) => [...w][0] ?? "").join("").toUpperCase();
  let sum = 0;
  for (const c of key) sum = (sum * 31 + c.codePointAt(0)) % 997;
  return h("span", { class: `avatar hue-${sum % 8}`, "aria-hidden": "true", text: initials });
}

// webLink lets through what a link may lead to: http, https, or a page of ours.
export function webLink(url) {
  try {
    const full = new URL(url, location.href);
    return full.protocol === "http:" || full.protocol === "https:" ? full.href : null;
  } catch {
    return null;
  }
}
