// What people do: saying, pressing, filling in, and the answers to it.
import { Refused, newNonce, post } from "./api.js";
import { ask, openForm } from "./dialog.js";

// Deeds act for whoever page.model() is; page takes in the messages that come
// back, starts over where the browser acts as somebody else by now, and shows
// what went wrong.
export class Deeds {
  constructor(page) {
    this.page = page;
    this.waiting = new Map(); // nonce → what to do with an answer that comes late
  }

  // say sends a line that was typed, into a thread where one is named.
  say(text, channel, thread, opener) {
    return this.act("say", { channel, text, ...(thread && { thread: String(thread) }) }, opener);
  }

  // press does what a button of a message says, after asking where it must.
  async press(m, button, el) {
    if (button.confirm && !(await ask(button, el))) return;
    el.disabled = true;
    try {
      await this.act("act", { message: String(m.id), verb: button.verb, id: button.id }, el);
    } catch (err) {
      this.page.complain(err);
    }
    el.disabled = false;
    // Switching it off took the focus from it, unless the card was drawn anew.
    if (document.activeElement === document.body && el.isConnected) el.focus();
  }

  // complete asks how a word may go on. Typing goes on without an answer too.
  async complete(body) {
    try {
      return (await post("suggest", { ...body, as: this.page.model().me, nonce: newNonce() })).options ?? [];
    } catch {
      return [];
    }
  }

  // refill asks how a form should stand with what is in it. Without an answer it stays.
  async refill(body) {
    try {
      return (await post("refill", { ...body, as: this.page.model().me, nonce: newNonce() })).form;
    } catch {
      return undefined;
    }
  }

  // late takes an answer that came by the stream.
  late(answer) {
    const then = this.waiting.get(answer.nonce);
    this.waiting.delete(answer.nonce);
    then?.(answer);
  }

  // act posts one action and shows what comes back.
  async act(path, body, opener) {
    const nonce = newNonce();
    const channel = body.channel ?? this.page.model().place;
    try {
      const answer = await post(path, { ...body, as: this.page.model().me, nonce });
      if (answer.message) this.page.receive(answer.message);
      if (answer.form) this.showForm(answer.form, channel, opener);
      if (answer.pending) this.waiting.set(nonce, (a) => a.form && this.showForm(a.form, channel, opener));
      return { ...answer, nonce };
    } catch (err) {
      if (err instanceof Refused && err.status === 409) await this.page.startOver();
      throw err;
    }
  }

  showForm(form, channel, opener) {
    const id = form.id ?? "";
    const settle = openForm(form, {
      opener,
      send: async (values) => {
        const answer = await this.act("submit", { channel, form: form.name, id, values }, opener);
        if (answer.pending) {
          this.waiting.set(answer.nonce, (a) => {
            settle(a);
            if (a.form) this.showForm(a.form, channel, opener);
          });
        }
        return answer;
      },
      refill: (values) => this.refill({ channel, form: form.name, id, values }),
      complete: (field, text) => this.complete({ channel, form: form.name, id, values: { [field]: text } }),
    });
  }
}
