import { Refused } from './call-command.js';

/**
 * Hands a photo or clip to the daemon; how far it is, its status tells.
 * @param details `{ avatarId, name, depicts, consent }`
 * @returns the id of the preparation. @throws Refused; the signal's reason when aborted.
 */
export async function upload(file, details, signal) {
  const query = new URLSearchParams({ fileName: file.name, ...details });
  let response;
  try {
    response = await fetch(`/api/preparations?${query}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: file,
      signal,
    });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw new Refused({
      code: 'OFFLINE',
      message: 'The file could not be sent: it cannot be read any more, or MuseCam cannot be reached.',
      fix: 'Choose it once more.',
    });
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body.id;
  throw new Refused({ code: body.code ?? String(response.status), message: body.message ?? 'Refused.', fix: body.fix });
}
