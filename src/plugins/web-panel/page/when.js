/**
 * Whether a condition holds: names of the status's switches, each negated or not, joined by && and ||, the former first.
 * What the status does not know is false.
 */
export function holds(when, status) {
  if (!when) return true;
  return when.split('||').some((part) =>
    part.split('&&').every((word) => {
      const name = word.trim();
      return name.startsWith('!') ? !isOn(status[name.slice(1).trim()]) : isOn(status[name]);
    }),
  );
}

/** What the status's switches are called in sentences. */
const WORDS = { panic: 'in panic', resting: 'the mouth rests', speaking: 'somebody speaks' };

/** A condition in words, for what cannot be done now: "Only while not recording". */
export function describeCondition(when) {
  const parts = when.split('||').map((part) =>
    part
      .split('&&')
      .map((word) => {
        const name = word.replace('!', '').trim();
        return `${word.includes('!') ? 'not ' : ''}${WORDS[name] ?? name}`;
      })
      .join(' and '),
  );
  return `Only while ${parts.join(', or ')}`;
}

function isOn(value) {
  return value === true;
}
