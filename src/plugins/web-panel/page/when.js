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

function isOn(value) {
  return value === true;
}
