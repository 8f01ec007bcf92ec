// Talking to the server.

const tries = 3;

// Refused is an action the server did not take; say and hint are for people.
export class Refused extends Error {
  constructor(status, { say, hint }) {
    super(say);
    this.status = status;
    this.hint = hint ?? "";
  }
}

// getState asks for everything this person may see, or for what is older.
export async function getState(before) {
  const answer = await fetch(before ? `/chat/state?before=${before}` : "/chat/state");
  if (!answer.ok) throw new Refused(answer.status, await problem(answer));
  return answer.json();
}

// newNonce names one attempt of one action. All tries of it carry the same, so
// that one which arrived but whose answer was lost has no second effect.
export const newNonce = () => crypto.randomUUID();

// post sends one action, again where the network failed.
export async function post(path, body) {
  for (let i = 1; ; i++) {
    let answer;
    try {
      answer = await fetch(`/chat/${path}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
    } catch {
      if (i >= tries) throw new Refused(0, { say: "jitbot cannot be reached.", hint: "Is it still running? Try again." });
      await new Promise((done) => setTimeout(done, 400 * i));
      continue;
    }
    if (!answer.ok) throw new Refused(answer.status, await problem(answer));
    return answer.json();
  }
}

async function problem(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return { say: text.trim() || `The server answered ${answer.status}.` };
  }
}

// follow keeps a stream open. The browser resumes it by itself, from the last
// event it saw; where it gives up, onLost says that the page must start over.
export function follow(me, since, { onMessage, onReply, onUp, onDown, onLost }) {
  const stream = new EventSource(`/chat/stream?as=${encodeURIComponent(me)}&since=${since}`);
  stream.addEventListener("open", onUp);
  stream.addEventListener("message", (e) => onMessage(JSON.parse(e.data)));
  stream.addEventListener("reply", (e) => onReply(JSON.parse(e.data)));
  stream.addEventListener("error", () => {
    onDown();
    if (stream.readyState === EventSource.CLOSED) onLost();
  });
  return () => stream.close();
}
