/** What a match is worth: at the beginning of a word, right after the last one, anywhere. */
const WORD = 8;
const NEXT = 5;
const ANY = 1;
/** What each letter costs that lies between two matched ones. */
const GAP = 0.2;

/**
 * Whether all letters of a query occur in a text in this order, how well, and where: the best of all ways to match.
 * @returns `{ score, at }` with the places of the matched letters; undefined where they do not occur.
 */
export function matchFuzzy(query, text) {
  const wanted = query.toLowerCase().replace(/\s+/g, '');
  const letters = text.toLowerCase();
  if (wanted === '') return { score: 0, at: [] };
  // best[i]: the best way to match the letters up to the present one so that its last is at place i.
  let best = new Map();
  for (const [n, letter] of [...wanted].entries()) {
    const next = new Map();
    for (let place = letters.indexOf(letter); place >= 0; place = letters.indexOf(letter, place + 1)) {
      const way = n === 0 ? { score: 0, at: [] } : bestBefore(best, place);
      if (way) next.set(place, { score: way.score + worthOf(letters, place, way.at.at(-1)), at: [...way.at, place] });
    }
    best = next;
  }
  return [...best.values()].reduce((a, b) => (a && a.score >= b.score ? a : b), undefined);
}

function bestBefore(ways, place) {
  let found;
  for (const [at, way] of ways) {
    if (at >= place) continue;
    const score = way.score - (place - at - 1) * GAP;
    if (!found || score > found.score) found = { score, at: way.at };
  }
  return found;
}

function worthOf(letters, place, before) {
  if (before === place - 1) return NEXT;
  return place === 0 || /[\s.:-]/.test(letters[place - 1]) ? WORD : ANY;
}
