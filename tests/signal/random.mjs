// Random numbers from a seed (xorshift32), so that a failure can be seen again.
export function randomOf(seed) {
  let state = seed >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const below = (n) => next() % n;
  const chance = (percent) => below(100) < percent;
  const pick = (list) => list[below(list.length)];
  // Ids from 1 to `most`: few, many, or in runs, so that both encodings are met.
  const ids = (most) => {
    const style = below(4);
    const out = new Set();
    if (style === 0 || most < 1) return [];
    if (style === 1) for (let i = below(6); i >= 0; i--) out.add(1 + below(most));
    if (style === 2) for (let i = 1; i <= most; i++) if (chance(40)) out.add(i);
    if (style === 3)
      for (let i = below(4); i >= 0; i--) {
        const from = 1 + below(most);
        for (let id = from; id <= Math.min(most, from + below(50)); id++) out.add(id);
      }
    return [...out].sort((a, b) => a - b);
  };
  return { next, below, chance, pick, ids };
}
