// The list of channels and direct messages on the left, with what is unread.
import { avatar, byId, h } from "./dom.js";
import { direct, placeName } from "./model.js";

// drawPlaces draws the list anew, with the focus where it was. Opening a place
// calls go with it.
export function drawPlaces(model, go) {
  const focused = document.activeElement?.dataset?.place;
  byId("channels").replaceChildren(...model.channels.map((c) => placeItem(model, c, go)));
  byId("directs").replaceChildren(placeItem(model, direct, go));
  if (focused) document.querySelector(`[data-place="${CSS.escape(focused)}"]`)?.focus();
  const unread = model.places.reduce((n, p) => n + model.unread(p), 0);
  document.title = unread ? `(${unread}) ${model.workspace}` : model.workspace;
}

function placeItem(model, place, go) {
  const unread = model.unread(place);
  const here = place === model.place;
  return h("li", {}, h("button", {
    class: `place${here ? " here" : ""}${unread ? " unread" : ""}`, type: "button", "data-place": place, "aria-current": here ? "page" : undefined,
    click: () => go(place),
  },
  place === direct ? avatar("jitbot", "", true) : h("span", { class: "hash", "aria-hidden": "true", text: "#" }),
  h("span", { class: "place-name", text: placeName(place) }), place === direct && h("span", { class: "app-mark", text: "APP" }),
  unread > 0 && h("span", { class: "count" }, String(unread), h("span", { class: "sr-only", text: " unread" }))));
}
