// The panel on the right: the guide, or one thread.
import { byId, h, icon } from "./dom.js";
import { link } from "./card.js";
import { fill } from "./message.js";
import { direct, placeName } from "./model.js";

const panel = () => byId("panel");

export function close() {
  panel().hidden = true;
  panel().replaceChildren();
  byId("guide-toggle").setAttribute("aria-expanded", "false");
}

function open(title, sub, onClose, ...content) {
  panel().hidden = false;
  panel().setAttribute("aria-label", title);
  panel().replaceChildren(
    h("header", { class: "panel-head" },
      h("div", {}, h("h2", { text: title }), sub && h("p", { text: sub })),
      h("button", { class: "icon-button", type: "button", "aria-label": `Close: ${title}`, click: onClose }, icon("close"))),
    ...content);
}

// openGuide shows what a newcomer can try.
export function openGuide(model, { take, onClose }) {
  const steps = model.guide ?? [];
  open("What to try", "Fills in the box; you press Enter.", onClose,
    h("div", { class: "panel-scroll" },
      h("ol", { class: "steps" }, steps.map((s) => step(s, model, take))),
      model.links?.length > 0 && h("div", { class: "guide-links" }, h("h3", { text: "Look behind the scenes" }),
        h("ul", {}, model.links.map((l) => h("li", {}, link(l)))))));
  byId("guide-toggle").setAttribute("aria-expanded", "true");
}

function step(s, model, take) {
  const who = model.byUser.get(s.as);
  const where = s.where && (s.where === direct ? "direct messages" : `#${placeName(s.where)}`);
  const words = [who && `as ${who.name}`, where && `in ${where}`].filter(Boolean).join(", ");
  return h("li", { class: "step" },
    h("h3", { text: s.title }),
    s.note && h("p", { text: s.note }),
    s.text && h("code", { class: "step-text", text: s.text }),
    h("p", { class: "step-deed" },
      h("button", { class: "button", type: "button", "aria-label": `${s.text ? "Fill in" : "Go there"}: ${s.title}`, text: s.text ? "Fill in" : "Go there", click: () => take(s) }),
      words && h("span", { text: words })));
}

// openThread shows a thread and its own message box.
export function openThread(model, root, view, composer, onClose) {
  const list = h("ol", { class: "messages", id: "thread" });
  open("Thread", root.place === direct ? "Direct messages" : `#${root.place}`, onClose,
    h("div", { class: "panel-scroll", id: "thread-scroll", tabindex: "0", role: "region", "aria-label": "Messages of the thread" }, list), composer.element);
  drawThread(model, root.id, view);
}

// drawThread draws the thread anew, and says whether it is open.
export function drawThread(model, root, view) {
  const list = byId("thread");
  if (!list) return false;
  const first = model.messages.get(root);
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.deed;
  fill(list, [...(first ? [first] : []), ...model.replies(root)], { ...view, openThread: undefined });
  if (focused) [...list.querySelectorAll("[data-deed]")].find((b) => b.dataset.deed === focused)?.focus();
  byId("thread-scroll").scrollTop = byId("thread-scroll").scrollHeight;
  return true;
}
