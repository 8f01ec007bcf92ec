// The message box: commands are completed and explained while they are typed,
// and what was sent before comes back with the arrow keys.
import { h, icon } from "./dom.js";

const kept = 50;
const typingPause = 150;

// Composer sends a line with send(text), and asks complete(text) for the next word.
export class Composer {
  constructor({ commands, send, complete, id, label }) {
    Object.assign(this, { commands, send, complete });
    this.sent = [];
    this.at = 0;
    this.options = [];
    this.chosen = -1;
    this.input = h("textarea", {
      id, rows: "1", autocomplete: "off", spellcheck: "true", role: "combobox", "aria-label": label, "aria-expanded": "false",
      "aria-controls": `${id}-options`, "aria-autocomplete": "list", "aria-describedby": `${id}-hint`, maxlength: "4000",
      input: () => this.typed(), keydown: (e) => this.key(e), blur: () => this.hide(),
      beforeinput: (e) => { if (e.inputType === "insertLineBreak" && !this.shifted) e.preventDefault(); }, // some keyboards send the break apart from the key
    });
    this.list = h("ul", { class: "options", id: `${id}-options`, role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.hint = h("p", { class: "usage", id: `${id}-hint` });
    this.note = h("p", { class: "composer-note", role: "alert" });
    this.element = h("form", { class: "composer", submit: (e) => { e.preventDefault(); this.submit(); } },
      this.list, this.note,
      h("div", { class: "composer-box" }, this.input,
        h("button", { class: "send", type: "submit", "aria-label": "Send" }, icon("send"))),
      this.hint);
    this.explain();
  }

  set place(name) {
    this.input.placeholder = `Message ${name}, or /jit for access`;
  }

  // put fills the box without sending.
  put(text) {
    this.input.value = text;
    this.typed();
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
  }

  async submit() {
    const text = this.input.value.trim();
    if (!text || this.busy) return;
    this.busy = true;
    this.note.textContent = "";
    this.hide();
    try {
      await this.send(text);
      this.sent = [...this.sent.filter((s) => s !== text), text].slice(-kept);
      this.at = this.sent.length;
      if (this.input.value.trim() === text) this.input.value = "";
    } catch (err) {
      this.note.textContent = `${err.message} ${err.hint ?? ""}`;
    } finally {
      this.busy = false;
      this.grow();
      this.explain();
    }
  }

  typed() {
    this.note.textContent = "";
    this.grow();
    this.explain();
    this.offer();
  }

  grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 160)}px`;
  }

  key(e) {
    const open = !this.list.hidden;
    this.shifted = e.shiftKey;
    if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      if (open && this.chosen >= 0) this.take(this.options[this.chosen]);
      else this.submit();
    } else if (e.key === "Escape" && open) {
      e.stopPropagation();
      this.hide();
    } else if (e.key === "Tab" && !e.shiftKey && open && this.chosen >= 0) {
      e.preventDefault();
      this.take(this.options[this.chosen]);
    } else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && !e.ctrlKey && !e.altKey) {
      this.arrow(e, e.key === "ArrowDown" ? 1 : -1, open);
    }
  }

  arrow(e, step, open) {
    if (open && (this.chosen >= 0 || step > 0)) {
      e.preventDefault();
      this.mark(Math.max(-1, Math.min(this.options.length - 1, this.chosen + step)));
      return;
    }
    const recalled = this.input.value === (this.sent[this.at] ?? "");
    if (!recalled || this.sent.length === 0) return;
    e.preventDefault();
    this.at = Math.max(0, Math.min(this.sent.length, this.at + step));
    this.input.value = this.sent[this.at] ?? "";
    this.grow();
    this.explain();
    this.hide();
  }

  // explain shows how the command being typed goes on, with the word one is at.
  explain() {
    const words = this.input.value.trimStart().split(/\s+/);
    if (words[0] !== "/jit") {
      this.hint.replaceChildren(h("span", { text: "Enter sends, Shift+Enter starts a new line. " }), h("code", { text: "/jit help" }), h("span", { text: " lists what jitbot can do." }));
      return;
    }
    const command = this.commands.find((c) => c.verb === words[1]);
    if (!command) {
      this.hint.replaceChildren(h("code", { text: "/jit" }), h("span", { text: " alone opens the request form; or type a command: " }), h("span", { text: this.commands.slice(0, 4).map((c) => c.verb).join(", ") }), h("span", { text: " …" }));
      return;
    }
    const parts = (command.usage ?? "").split(" ").filter(Boolean);
    const at = Math.min(words.length - 3, parts.length - 1);
    this.hint.replaceChildren(h("code", { text: `/jit ${command.verb}` }), " ",
      ...parts.flatMap((p, i) => [h(i === at ? "b" : "span", { class: "part", text: p }), " "]), h("span", { class: "usage-help", text: command.help }));
  }

  // offer lists what the word being typed could be.
  offer() {
    clearTimeout(this.timer);
    const text = this.input.value.slice(0, this.input.selectionStart);
    const verb = /^\s*\/(j?i?t?)$|^\s*\/jit\s+(\S*)$/.exec(text);
    if (verb) {
      const word = verb[2] ?? "";
      const fits = this.commands.filter((c) => c.verb.startsWith(word) && c.verb !== word);
      this.show(fits.map((c) => ({ value: `/jit ${c.verb}${c.usage ? " " : ""}`, label: `${c.verb} ${c.usage ?? ""}`, hint: c.help, whole: true })));
      return;
    }
    this.hide();
    if (!/^\s*\/jit\s+\S+\s+\S*$/.test(text)) return; // beyond the first word people write prose
    this.timer = setTimeout(async () => {
      const options = await this.complete(text);
      if (this.input.value.startsWith(text) && document.activeElement === this.input) this.show(options);
    }, typingPause);
  }

  show(options) {
    this.options = options.slice(0, 8);
    this.chosen = -1;
    this.list.replaceChildren(...this.options.map((o, i) => h("li", {
      id: `${this.list.id}-${i}`, role: "option", "aria-selected": "false",
      mousedown: (e) => { e.preventDefault(); this.take(o); },
    }, h("b", { text: o.label || o.value }), o.hint && h("span", { text: o.hint }))));
    this.list.hidden = this.options.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.input.removeAttribute("aria-activedescendant");
  }

  mark(i) {
    this.chosen = i;
    [...this.list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    this.list.children[i]?.scrollIntoView({ block: "nearest" });
    if (i >= 0) this.input.setAttribute("aria-activedescendant", `${this.list.id}-${i}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  take(option) {
    const before = option.whole ? "" : this.input.value.replace(/\S*$/, "");
    this.put(`${before}${option.value}${option.whole ? "" : " "}`);
  }

  hide() {
    clearTimeout(this.timer);
    this.show([]);
  }
}
