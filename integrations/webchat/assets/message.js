// A message as a list item, and a list of them with its days.
import { avatar, h, icon } from "./dom.js";
import { renderCard } from "./card.js";
import { clock, dayKey, dayName, full } from "./time.js";

const together = 5 * 60 * 1000; // messages of one person this close share one head

// fill draws messages into list, with a line between days.
export function fill(list, messages, view) {
  list.replaceChildren(...messages.flatMap((m, i) => withDay(m, messages[i - 1], view)));
}

// add puts one more message at the end of list.
export function add(list, m, before, view) {
  list.append(...withDay(m, before, view));
}

function withDay(m, before, view) {
  const item = messageItem(m, before, view);
  const t = new Date(m.at);
  if (before && dayKey(new Date(before.at)) === dayKey(t)) return [item];
  return [h("li", { class: "day", role: "separator" }, h("span", { text: dayName(t) })), item];
}

// change draws a message anew where it stands, and keeps the focus on it. mark
// shows for a moment that it says something else now.
export function change(list, m, before, view, mark) {
  const old = list.querySelector(`[data-id="${m.id}"]`);
  if (!old) return false;
  const deed = old.contains(document.activeElement) ? document.activeElement.dataset.deed ?? "" : null;
  const item = messageItem(m, before, view);
  item.classList.toggle("changed", mark);
  old.replaceWith(item);
  if (deed !== null) {
    const same = [...item.querySelectorAll("[data-deed]")].find((b) => b.dataset.deed === deed);
    (same ?? item).focus({ preventScroll: true });
  }
  return true;
}

function follows(m, before) {
  return before && !m.card && !before.card && before.author === m.author && !m.private && !before.private &&
    new Date(m.at) - new Date(before.at) < together && dayKey(new Date(m.at)) === dayKey(new Date(before.at));
}

// messageItem draws one message. view knows the people, what a button does and
// the threads; without view.openThread there are none.
function messageItem(m, before, view) {
  const author = view.person(m.author);
  const t = new Date(m.at);
  const near = follows(m, before);
  const count = view.openThread ? view.replyCount(m.id) : 0;
  return h("li", { class: `message${m.private ? " private" : ""}${near ? " near" : ""}`, "data-id": m.id, tabindex: "-1" },
    near ? h("time", { class: "near-time", datetime: m.at, text: clock(t) }) : avatar(author?.name ?? "jitbot", m.author ?? "", !m.author),
    h("div", { class: "message-main" },
      m.private && h("p", { class: "only-you" }, icon("eye"), h("span", { text: "Only you can see this" })),
      h("p", { class: near ? "sr-only" : "message-head" },
        h("b", { class: "author", text: author?.name ?? (m.author || "jitbot") }),
        !m.author && h("span", { class: "app-mark", text: "APP" }),
        h("time", { datetime: m.at, title: full(t), text: clock(t) }),
        m.edited && m.card && h("span", { class: "edited", title: full(new Date(m.edited)), text: `updated ${clock(new Date(m.edited))}` })),
      m.asked && h("p", { class: "asked" }, h("span", { text: "You ran " }), h("code", { text: m.asked })),
      m.text && h("p", { class: "text", dir: "auto", text: m.text }),
      m.card && renderCard(m.card, (b, el) => view.press(m, b, el)),
      view.openThread && threadLink(m, count, view)));
}

function threadLink(m, count, view) {
  if (count === 0 && m.private) return null;
  return h("button", {
    class: count ? "thread-link" : "thread-link empty", type: "button", "data-deed": "thread",
    click: (e) => view.openThread(m.id, e.currentTarget),
  }, icon("thread"), h("span", { text: count === 0 ? "Reply in thread" : count === 1 ? "1 reply" : `${count} replies` }));
}
