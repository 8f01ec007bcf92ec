// What the page knows: people, places, messages, and what was read.

export const direct = "@jitbot";

export class Model {
  constructor(state) {
    Object.assign(this, state);
    this.byUser = new Map(this.people.map((p) => [p.user, p]));
    this.messages = new Map();
    this.state = undefined;
    for (const m of state.messages ?? []) this.messages.set(m.id, m);
    this.place = this.storedPlace();
    this.read = this.storedRead();
  }

  get person() {
    return this.byUser.get(this.me);
  }

  get places() {
    return [...this.channels, direct];
  }

  // put takes a message in and says what became of it: new, changed or known.
  put(m) {
    const old = this.messages.get(m.id);
    if (old && old.seq >= m.seq) return "known";
    if (m.gone) {
      this.messages.delete(m.id);
      return old ? "changed" : "known";
    }
    this.messages.set(m.id, m);
    return old ? "changed" : "new";
  }

  // top returns the messages of a place that stand in it themselves: those of
  // a thread whose first message is not here count as such.
  top(place) {
    return this.ordered((m) => m.place === place && !this.messages.has(m.root));
  }

  replies(root) {
    return this.ordered((m) => m.root === root);
  }

  ordered(keep) {
    return [...this.messages.values()].filter(keep).sort((a, b) => a.id - b.id);
  }

  unread(place) {
    const read = this.read[place] ?? 0;
    return this.ordered((m) => m.place === place && m.id > read && m.author !== this.me).length;
  }

  markRead(place) {
    const last = this.ordered((m) => m.place === place).at(-1)?.id ?? 0;
    if ((this.read[place] ?? 0) >= last) return;
    this.read[place] = last;
    localStorage.setItem(`jit-read-${this.me}`, JSON.stringify(this.read));
  }

  go(place) {
    this.place = place;
    localStorage.setItem(`jit-place-${this.me}`, place);
  }

  storedPlace() {
    const place = localStorage.getItem(`jit-place-${this.me}`);
    return this.places.includes(place) ? place : this.channels[0];
  }

  // storedRead starts from "all read" for whoever is here for the first time,
  // and starts over when the history is a newer one than what was read in it.
  storedRead() {
    const newest = Math.max(0, ...this.messages.keys());
    try {
      const read = JSON.parse(localStorage.getItem(`jit-read-${this.me}`)) ?? {};
      if (Object.values(read).every((id) => id <= newest)) return read;
    } catch {
      // what is stored is not ours; start over
    }
    return {};
  }
}

export const placeName = (place) => (place === direct ? "jitbot" : place);

// gist says a message in one sentence, for the live region.
export const gist = (m) => m.card?.notice || m.card?.title || m.text || "";
