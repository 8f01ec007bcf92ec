// Dialogs: a question before a deed, and forms.
import { h, icon } from "./dom.js";
import { spans } from "./card.js";
import { control } from "./field.js";

// show opens a modal dialog and gives the focus back when it closes.
function show(dialog, opener) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    const back = opener?.isConnected ? opener : document.getElementById("say");
    back?.focus();
  });
  dialog.addEventListener("mousedown", (e) => {
    if (e.target === dialog) dialog.close();
  });
  dialog.showModal();
}

function head(id, title, dialog) {
  return h("header", { class: "dialog-head" },
    h("h2", { id, text: title }),
    h("button", { class: "icon-button", type: "button", "aria-label": "Close", click: () => dialog.close() }, icon("close")));
}

// ask resolves to whether the person said yes.
export function ask(button, opener) {
  const { title, text, yes } = button.confirm;
  return new Promise((resolve) => {
    let answer = false;
    const dialog = h("dialog", { class: "dialog small", "aria-labelledby": "ask-title", "aria-describedby": "ask-text", close: () => resolve(answer) });
    const sure = h("button", {
      class: `button ${button.style === "danger" ? "danger" : "primary"}`, type: "button", text: yes || button.label,
      click: () => { answer = true; dialog.close(); },
    });
    dialog.append(h("div", { class: "dialog-body" }, head("ask-title", title, dialog), h("p", { id: "ask-text", text }),
      h("footer", { class: "dialog-foot" },
        h("button", { class: "button", type: "button", autofocus: true, text: "Cancel", click: () => dialog.close() }), sure)));
    show(dialog, opener);
  });
}

// openForm opens a form. send gets its values and resolves to the server's
// answer: problems keep the form open, anything else closes it. complete is
// asked for options while somebody types, refill how the form should stand
// once a live field of it has changed. It returns settle, for an answer that
// comes later.
export function openForm(form, { send, complete, refill, opener }) {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "form-title" });
  const fields = form.fields.map((f, i) => control(f, `field-${i}`, complete));
  const note = h("p", { class: "form-note", role: "status" });
  const outlook = h("div", { class: "form-outlook", role: "status" });
  foresee(outlook, form);
  const go = h("button", { class: "button primary", type: "submit", text: form.submit || "Send" });

  const busy = (on) => {
    go.disabled = on;
    dialog.toggleAttribute("data-busy", on);
  };
  const say = (text, bad) => {
    note.textContent = text;
    note.classList.toggle("is-bad", Boolean(bad));
  };
  const settle = (answer) => {
    busy(Boolean(answer.pending));
    if (answer.pending) return say("Still working on it…");
    if (answer.failed) return say("Something broke on our side; nothing was changed. Try again.", true);
    if (answer.bad && Object.keys(answer.bad).length > 0) return showProblems(fields, answer.bad, say);
    dialog.close();
  };
  const submit = async (e) => {
    e.preventDefault();
    if (go.disabled) return;
    busy(true);
    say("");
    for (const f of fields) f.problem("");
    try {
      settle(await send(values()));
    } catch (err) {
      busy(false);
      say(`${err.message} ${err.hint ?? ""}`, true);
    }
  };
  const values = () => Object.fromEntries(fields.map((f) => [f.name, f.value()]));
  let asked = 0;
  const change = async (e) => {
    const i = fields.findIndex((f) => f.element.contains(e.target));
    if (!form.fields[i]?.live) return;
    const turn = ++asked;
    const next = await refill(values());
    if (!next || turn !== asked) return; // a newer choice was made meanwhile
    foresee(outlook, next);
    next.fields.forEach((f, n) => fields[n]?.offer?.(f));
  };
  const input = (e) => { // what was wrong with a value is not of the next one
    fields.find((f) => f.element.contains(e.target))?.problem("");
    say("");
  };
  const element = h("form", { class: "dialog-body", novalidate: true, submit, change, input, keydown: (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) element.requestSubmit();
  } },
    head("form-title", form.title, dialog),
    (form.intro ?? []).map((p) => h("p", { class: "form-intro" }, spans(p))),
    fields.map((f) => f.element),
    outlook,
    h("footer", { class: "dialog-foot" }, note, h("button", { class: "button", type: "button", text: "Cancel", click: () => dialog.close() }), go));
  dialog.append(element);
  show(dialog, opener);
  (fields.find((f) => f.value() === "") ?? fields[0])?.focus();
  return settle;
}

// foresee shows what would become of a form as it is filled in.
function foresee(element, form) {
  element.replaceChildren(...(form.outlook ?? []).map((p) => h("p", {}, spans(p))));
}

function showProblems(fields, bad, say) {
  let first;
  const others = [];
  for (const [name, text] of Object.entries(bad)) {
    const f = fields.find((x) => x.name === name);
    if (!f) {
      others.push(text);
      continue;
    }
    f.problem(text);
  }
  first = fields.find((f) => f.name in bad);
  say(others.join(" ") || "Please look at the marked fields.", true);
  first?.focus();
}
