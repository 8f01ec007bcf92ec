// The list of channels and direct messages on the left, with what is unread.
import { avatar, byId, h } from "./dom.js";
import { direct, placeName } from "./model.js";

// drawPlaces brings the list up to date. The buttons stay the elements they
// are and only what they say changes: a click that a message arrives in the
// middle of still counts. Opening a place calls go with it.
export function drawPlaces(model, go) {
  drawList(byId("channels"), model.channels, model, go);
  drawList(byId("directs"), [direct], model, go);
  const unread = model.places.reduce((n, p) => n + model.unread(p), 0);
  document.title = unread ? `(${unread}) ${model.workspace}` : model.workspace;
}

function drawList(list, places, model, go) {
  const shown = [...list.children].map((li) => li.firstChild.dataset.place);
  if (shown.join("\n") !== places.join("\n")) list.replaceChildren(...places.map(placeItem));
  places.forEach((place, i) => say(list.children[i].firstChild, place, model, go));
}

function placeItem(place) {
  return h("li", {}, h("button", { class: "place", type: "button", "data-place": place },
    place === direct ? avatar("jitbot", "", true) : h("span", { class: "hash", "aria-hidden": "true", text: "#" }),
    h("span", { class: "place-name", text: placeName(place) }), place === direct && h("span", { class: "app-mark", text: "APP" }),
    h("span", { class: "count" })));
}

function say(button, place, model, go) {
  const unread = model.unread(place);
  const here = place === model.place;
  button.onclick = () => go(place);
  button.classList.toggle("here", here);
  button.classList.toggle("unread", unread > 0);
  if (here) button.setAttribute("aria-current", "page");
  else button.removeAttribute("aria-current");
  const count = button.querySelector(".count");
  count.hidden = unread === 0;
  count.replaceChildren(...(unread ? [String(unread), h("span", { class: "sr-only", text: " unread" })] : []));
}
