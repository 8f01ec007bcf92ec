// A neutral card as elements.
import { h, icon, webLink } from "./dom.js";
import { full, instant, relative } from "./time.js";

const tones = new Set(["neutral", "waiting", "good", "warning", "bad"]);

// renderCard draws a card; press is called with the button and its element.
export function renderCard(card, press) {
  return h("article", { class: `card tone-${tone(card.status)}`, "aria-label": card.notice || card.title },
    h("header", { class: "card-head" },
      h("h3", { class: "card-title", text: card.title }),
      card.status?.text && pill(card.status)),
    (card.body ?? []).map((p) => h("p", { class: "card-text" }, spans(p))),
    card.picture && picture(card.picture),
    card.fields?.length > 0 && h("dl", { class: "card-fields" }, card.fields.map(field)),
    card.quote && h("blockquote", { class: "card-quote", text: card.quote }),
    (card.buttons?.length > 0 || card.links?.length > 0) && h("div", { class: "card-deeds" },
      (card.buttons ?? []).map((b) => button(b, press)),
      (card.links ?? []).map(link)));
}

const tone = (status) => (tones.has(status?.tone) ? status.tone : "neutral");

function pill(status) {
  return h("span", { class: `pill ${tone(status)}` }, icon(tone(status)), h("span", { text: status.text }));
}

// picture shows an image that came with the card: bytes of jitbot's own making.
function picture(p) {
  return h("img", { class: "card-picture", src: `data:image/png;base64,${p.png}`, alt: p.alt, width: p.width, height: p.height });
}

function field(f) {
  return h("div", { class: "card-field" }, h("dt", { text: f.label }), h("dd", {}, spans(f.value ?? [])));
}

function button(b, press) {
  const weight = b.style === "primary" || b.style === "danger" ? b.style : "";
  return h("button", {
    class: `button ${weight}`, type: "button", "data-deed": `${b.verb} ${b.id}`, text: b.label,
    click: (e) => press(b, e.currentTarget),
  });
}

export function link(l) {
  const href = webLink(l.url);
  if (!href) return h("span", { class: "dead-link", text: l.label });
  return h("a", { class: "link", href, target: "_blank", rel: "noopener noreferrer" }, h("span", { text: l.label }), icon("out"),
    h("span", { class: "sr-only", text: " (opens in a new tab)" }));
}

// spans draws a paragraph. Each span is isolated, so that text which turns the
// writing direction cannot reach beyond itself.
export function spans(text) {
  return text.map((s) => {
    if (s.time) return when(s.time, s.strong);
    if (s.person) return h("bdi", { class: "person", text: s.text || s.person });
    const tag = s.code ? "code" : s.strong ? "strong" : "bdi";
    return h(tag, { class: "span", text: s.text ?? "" });
  });
}

function when(text, strong) {
  const t = new Date(text);
  if (Number.isNaN(t.getTime())) return h("span", { text });
  return h("span", { class: "when" },
    h("time", { datetime: text, title: full(t), class: strong ? "strong" : undefined, text: instant(t) }),
    " (", h("span", { "data-relative": text, text: relative(t) }), ")");
}
