/** A refusal by the daemon: `code`, `message` and `fix` for the person. */
export class Refused extends Error {
  constructor({ code, message, fix }) {
    super(message);
    this.code = code;
    this.fix = fix;
  }
}

/** Runs a command of the daemon and returns its result. @throws Refused */
export async function callCommand(id, args = {}) {
  let response;
  try {
    response = await fetch(`/api/commands/${encodeURIComponent(id)}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(args),
    });
  } catch {
    throw new Refused({ code: 'OFFLINE', message: 'MuseCam cannot be reached.', fix: 'See whether it still runs.' });
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Refused({ code: body.code ?? String(response.status), message: body.message ?? 'Refused.', fix: body.fix });
}

/** All commands there are: id, title, and the JSON Schema of the arguments. Empty where the daemon does not say. */
export async function fetchCommands() {
  const response = await fetch('/api/commands');
  return response.ok ? response.json() : [];
}
