// The fields of a form. Each is {name, element, value(), problem(text), focus()}.
import { h } from "./dom.js";
import { toInstant, toLocal } from "./time.js";

const manyOptions = 12; // more get a box to search in
const typingPause = 200;

export function control(f, id, complete) {
  const make = { lines, choice, duration, moment }[f.kind] ?? line;
  const c = make(f, id, complete);
  const hint = f.hint && h("p", { class: "field-hint", id: `${id}-hint`, text: f.hint });
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, role: "alert" });
  c.input.id = id;
  c.input.setAttribute("aria-describedby", [hint && `${id}-hint`, `${id}-problem`].filter(Boolean).join(" "));
  if (f.required) c.input.setAttribute("aria-required", "true");
  return {
    name: f.name,
    element: h("div", { class: "field" },
      h("label", { for: id }, h("span", { text: f.label }), !f.required && h("span", { class: "optional", text: "optional" })),
      c.element ?? c.input, hint, problem),
    value: c.value ?? (() => c.input.value),
    offer: c.offer,
    focus: () => (c.first ?? c.input).focus(),
    problem: (text) => {
      problem.textContent = text;
      c.input.toggleAttribute("aria-invalid", Boolean(text));
      if (text) c.input.setAttribute("aria-invalid", "true");
    },
  };
}

function line(f) {
  return { input: typed(h("input", { type: "text", autocomplete: "off", maxlength: f.max || undefined }), f) };
}

function lines(f) {
  return { input: typed(h("textarea", { rows: "3", maxlength: f.max || undefined }), f) };
}

function typed(input, f) {
  input.value = f.value ?? "";
  return input;
}

// duration is a line with the suggested lengths as buttons below.
function duration(f) {
  const input = typed(h("input", { type: "text", autocomplete: "off", placeholder: "1h30m", inputmode: "text" }), f);
  const chips = h("div", { class: "chips" });
  const choose = (value) => {
    input.value = value;
    input.focus();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  // offer takes in what the form says anew: the lengths there are, and a shorter
  // one where what was asked for is not to be had.
  const offer = (next) => {
    chips.replaceChildren(...(next.options ?? []).map((o) => h("button", {
      class: "chip-button", type: "button", text: o.label || o.value, click: () => choose(o.value),
    })));
    chips.hidden = chips.childElementCount === 0;
    if (next.value) input.value = next.value;
  };
  offer(f);
  return { input, offer, element: h("div", { class: "stack" }, input, chips) };
}

function moment(f) {
  const input = h("input", { type: "datetime-local" });
  if (f.value) input.value = toLocal(f.value);
  return { input, value: () => toInstant(input.value) };
}

const optionElement = (o) => h("option", { value: o.value, text: o.hint ? `${o.label} — ${o.hint}` : o.label });

// choice is a list; one with many options, or whose options the server knows,
// has a box to search in.
function choice(f, id, complete) {
  const given = f.options ?? [];
  const select = h("select", {});
  if (given.length > 0 && given.length <= manyOptions) {
    select.append(...(f.value ? [] : [h("option", { value: "", text: "Choose…" })]), ...given.map(optionElement));
    select.value = f.value ?? "";
    return { input: select };
  }
  return searched(f, select, given, complete);
}

function searched(f, select, given, complete) {
  select.size = 6;
  const show = (options) => {
    const kept = select.value;
    select.replaceChildren(...options.map(optionElement));
    select.value = options.some((o) => o.value === kept) ? kept : options[0]?.value ?? "";
  };
  let timer;
  const search = (text) => {
    const word = text.trim().toLowerCase();
    if (given.length > 0) return show(given.filter((o) => `${o.value} ${o.label} ${o.hint ?? ""}`.toLowerCase().includes(word)));
    clearTimeout(timer);
    timer = setTimeout(async () => show(await complete(f.name, text)), typingPause);
  };
  const box = h("input", {
    type: "search", placeholder: "Type to search", autocomplete: "off", "aria-label": `Search ${f.label}`,
    input: () => search(box.value),
    keydown: (e) => {
      if (e.key === "ArrowDown") { e.preventDefault(); select.focus(); }
    },
  });
  search("");
  if (f.value) select.value = f.value;
  return { input: select, first: box, element: h("div", { class: "stack" }, box, select) };
}
