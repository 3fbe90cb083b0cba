import type { ShowStatus } from '../../api/status.ts';

/** Each top-level field of a status as JSON, by name. Made once per status and shared by all listeners. */
export type StatusFields = ReadonlyMap<string, string>;

/** Takes a status apart into its top-level fields. */
export function fieldsOf(status: ShowStatus): StatusFields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(status)) {
    const json = JSON.stringify(value) as string | undefined;
    if (json !== undefined) fields.set(name, json);
  }
  return fields;
}

/**
 * What brings a listener from one status to the next, as JSON: an object with the top-level fields that changed; with
 * `known` undefined all of them.
 */
export function buildChanges(known: StatusFields | undefined, now: StatusFields): string {
  let changed = '';
  for (const [name, json] of now) {
    if (known?.get(name) === json) continue;
    changed += `${changed ? ',' : ''}${JSON.stringify(name)}:${json}`;
  }
  return `{${changed}}`;
}

/** The page's message with {@link buildChanges}: `{"type":"status","status":{…}}`. */
export function buildStatusMessage(known: StatusFields | undefined, now: StatusFields): string {
  return `{"type":"status","status":${buildChanges(known, now)}}`;
}

/**
 * Makes one page's messages: as {@link buildStatusMessage}, with one field more that is not of the show.
 * @param value asked for at each message; sent at first and when it has become another.
 */
export function createMessageBuilder(name: string, value: () => unknown): typeof buildStatusMessage {
  let told: string | undefined;
  return (known, now) => {
    const json = JSON.stringify(value());
    const before = known && told !== undefined ? new Map(known).set(name, told) : known;
    told = json;
    return buildStatusMessage(before, new Map(now).set(name, json));
  };
}
