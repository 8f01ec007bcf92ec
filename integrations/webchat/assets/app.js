// The page: it starts here, and everything meets here.
import { follow, getState, post } from "./api.js";
import { Composer } from "./composer.js";
import { Deeds } from "./deeds.js";
import { avatar, byId, h, icon } from "./dom.js";
import { add, change, fill } from "./message.js";
import { Model, direct, gist, placeName } from "./model.js";
import * as panel from "./panel.js";
import * as places from "./places.js";
import { keepFresh, setZone } from "./time.js";
import { themeButton } from "./look.js";

let model; // what is known; made anew for each person
let unfollow = () => {};
let thread = null; // id of the first message of the open thread
const deeds = new Deeds({ model: () => model, receive, complain, startOver: load });

const view = {
  person: (user) => model.byUser.get(user),
  replyCount: (id) => model.replies(id).length,
  openThread: (id) => openThread(id),
  press: (m, button, el) => deeds.press(m, button, el),
};

const composer = new Composer({
  commands: [], id: "say", label: "Message",
  send: (text) => deeds.say(text, model.place, null, composer.input),
  complete: (text) => deeds.complete({ channel: model.place, text }),
});

// --- starting, and being somebody

async function start() {
  setUp();
  await load();
  if (model.guide?.length && localStorage.getItem("jit-guide") !== "closed" && innerWidth > 1100) showGuide();
}

async function load() {
  unfollow();
  try {
    model = new Model(await getState());
  } catch (err) {
    linkState(`${err.message} Trying again…`);
    setTimeout(load, 2000);
    return;
  }
  deeds.waiting.clear();
  composer.commands = model.commands;
  composer.explain();
  setZone(model.person.zone);
  drawPerson();
  closeThread();
  go(model.place);
  byId("earlier").hidden = !model.older;
  byId("guide-toggle").hidden = !model.guide?.length && !model.links?.length;
  unfollow = follow(model.me, model.seq, {
    onMessage: (m) => receive(m), onReply: (answer) => deeds.late(answer),
    onUp: () => linkState(""), onDown: () => linkState("Reconnecting…"), onLost: () => setTimeout(load, 1000),
  });
}

async function become(user) {
  unfollow(); // the stream is the old person's, and would be refused once the browser is another
  await attempt(() => post("as", { user }));
  await load();
  tell(`You now act as ${model.person.name}.`);
}

function drawPerson() {
  const me = model.person;
  byId("as").replaceChildren(...model.people.map((p) => h("option", { value: p.user, text: p.title ? `${p.name} — ${p.title}` : p.name })));
  byId("as").value = me.user;
  byId("as-avatar").replaceChildren(avatar(me.name, me.user));
  byId("as-name").textContent = me.name;
  byId("as-title").textContent = me.title ?? "";
}

// --- places

function go(place) {
  model.go(place);
  byId("place").textContent = place === direct ? "jitbot" : `# ${place}`;
  byId("topic").textContent = place === direct ? "Between you and jitbot" : "Everyone in the workspace";
  composer.place = place === direct ? "jitbot" : `#${place}`;
  drawMessages(true);
  drawPlaces();
  document.body.classList.remove("side-open");
  byId("open-side").setAttribute("aria-expanded", "false");
}

function drawPlaces() {
  if (document.visibilityState === "visible") model.markRead(model.place);
  places.drawPlaces(model, (place) => { go(place); composer.input.focus(); });
}

function step(by) {
  const all = model.places;
  go(all[(all.indexOf(model.place) + by + all.length) % all.length]);
}

// --- messages

function drawMessages(toEnd) {
  const scroll = byId("scroll");
  const messages = model.top(model.place);
  fill(byId("messages"), messages, view);
  if (messages.length === 0) byId("messages").append(h("li", { class: "empty" }, emptyWords()));
  if (toEnd) scroll.scrollTop = scroll.scrollHeight;
  byId("to-newest").hidden = true;
}

const emptyWords = () => (model.place === direct
  ? "jitbot writes to you here: that access was given, that it ends soon, what was done with it."
  : `This is the beginning of #${model.place}. Say hello, or ask for access with /jit.`);

// receive takes in one message, from the stream or from an answer.
function receive(m) {
  const was = model.put(m);
  if (was === "known") return;
  const root = m.root && model.messages.has(m.root) ? m.root : 0;
  if (m.place === model.place) {
    if (root) redraw(root, false);
    else if (was === "new") append(m);
    else if (m.gone || !redraw(m.id, true)) drawMessages(atEnd());
  }
  if (thread !== null && (m.id === thread || m.root === thread)) panel.drawThread(model, thread, view);
  drawPlaces();
  if (m.author !== model.me && gist(m)) tell(`${m.private ? "Only for you" : `In ${placeName(m.place)}`}: ${gist(m)}`);
}

function neighbour(id) {
  const all = model.top(model.place);
  return all[all.findIndex((m) => m.id === id) - 1];
}

function redraw(id, mark) {
  const end = atEnd();
  const done = change(byId("messages"), model.messages.get(id), neighbour(id), view, mark);
  if (end) toEnd();
  return done;
}

function append(m) {
  const all = model.top(model.place);
  if (all.at(-1).id !== m.id || all.length === 1) return drawMessages(true);
  const end = atEnd() || m.author === model.me || m.private;
  add(byId("messages"), m, all.at(-2), view);
  if (end) toEnd();
  else byId("to-newest").hidden = false;
}

const atEnd = () => {
  const s = byId("scroll");
  return s.scrollHeight - s.scrollTop - s.clientHeight < 80;
};

function toEnd() {
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
  byId("to-newest").hidden = true;
}

async function earlier() {
  const scroll = byId("scroll");
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  const older = await attempt(() => getState(model.older));
  if (!older) return;
  for (const m of older.messages ?? []) model.put(m);
  model.older = older.older;
  byId("earlier").hidden = !model.older;
  drawMessages(false);
  scroll.scrollTop = scroll.scrollHeight - fromEnd;
}

// --- doing things

async function attempt(deed) {
  try {
    return await deed();
  } catch (err) {
    complain(err);
    return undefined;
  }
}

function complain(err) {
  linkState(`${err.message} ${err.hint ?? ""}`);
  setTimeout(() => linkState(""), 6000);
}

// --- the panel

function openThread(id) {
  const root = model.messages.get(id);
  if (!root) return;
  thread = id;
  const box = new Composer({
    commands: model.commands, id: "say-thread", label: "Reply in the thread",
    send: (text) => deeds.say(text, root.place, id, box.input), complete: (text) => deeds.complete({ channel: root.place, text }),
  });
  box.input.placeholder = "Reply in the thread";
  panel.openThread(model, root, view, box, () => { closeThread(); composer.input.focus(); });
  box.input.focus();
}

function closeThread() {
  if (thread === null) return;
  thread = null;
  panel.close();
}

function showGuide() {
  thread = null;
  panel.openGuide(model, {
    onClose: () => { localStorage.setItem("jit-guide", "closed"); panel.close(); byId("guide-toggle").focus(); },
    take: async (s) => {
      if (s.as && s.as !== model.me) await become(s.as);
      if (s.where && model.places.includes(s.where)) go(s.where);
      if (innerWidth <= 900) panel.close();
      composer.put(s.text ?? "");
    },
  });
}

function toggleGuide() {
  const open = byId("guide-toggle").getAttribute("aria-expanded") === "true";
  localStorage.setItem("jit-guide", open ? "closed" : "open");
  if (open) panel.close();
  else showGuide();
}

// --- small things

function tell(text) {
  byId("live").append(h("p", { text }));
  while (byId("live").childElementCount > 5) byId("live").firstChild.remove();
}

function linkState(text) {
  byId("link-state").textContent = text;
}

function keys(e) {
  if (document.querySelector("dialog[open]")) return;
  if (e.altKey && (e.key === "ArrowUp" || e.key === "ArrowDown" || e.key === "j" || e.key === "k")) {
    e.preventDefault();
    step(e.key === "ArrowDown" || e.key === "j" ? 1 : -1);
  } else if (e.key === "Escape" && document.body.classList.contains("side-open")) {
    side(false);
  } else if (e.key === "Escape" && thread !== null) {
    closeThread();
    composer.input.focus();
  }
}

function side(open) {
  document.body.classList.toggle("side-open", open);
  byId("open-side").setAttribute("aria-expanded", String(open));
  byId(open ? "as" : "open-side").focus();
}

function setUp() {
  byId("composer").replaceWith(composer.element);
  byId("open-side").append(icon("menu"));
  byId("close-side").append(icon("close"));
  byId("local-icon").append(icon("lock"));
  themeButton(byId("theme"));
  byId("as").addEventListener("change", (e) => become(e.target.value));
  byId("open-side").addEventListener("click", () => side(true));
  byId("close-side").addEventListener("click", () => side(false));
  byId("guide-toggle").addEventListener("click", toggleGuide);
  byId("earlier").addEventListener("click", earlier);
  byId("to-newest").addEventListener("click", toEnd);
  byId("scroll").addEventListener("scroll", () => { if (atEnd()) byId("to-newest").hidden = true; });
  document.addEventListener("keydown", keys);
  document.addEventListener("visibilitychange", () => model && drawPlaces());
  keepFresh(document.body);
}

start();
