/* Who is who: the profiles that make a person in the middle, what they are known by around them, and why two are one between them. */
import type { Schema } from '../api';
import { day } from '../format';
import { t } from '../words';

type Identity = Schema<'Identity'>;

export function IdentityGraph({ identity }: { identity: Identity }) {
  const wide = 820, row = 44;
  let y = 30;
  const placed = identity.profiles.map((profile) => {
    const left = profile.identifiers.filter((_, i) => i % 2 === 0);
    const right = profile.identifiers.filter((_, i) => i % 2 === 1);
    const rows = Math.max(left.length, right.length, 1);
    const top = y;
    const middle = top + ((rows - 1) * row) / 2;
    y += rows * row + 34;
    const at = (list: typeof left, side: -1 | 1) =>
      list.map((identifier, i) => ({ identifier, x: wide / 2 + side * 215, y: middle + (i - (list.length - 1) / 2) * row, side }));
    return { profile, middle, identifiers: [...at(left, -1), ...at(right, 1)] };
  });
  const where = new Map(placed.map((p) => [p.profile.id, p.middle]));
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Identity graph')}>
      <svg class="graph" viewBox={`0 0 ${wide} ${y - 44}`} role="img" aria-label={t('{p} profiles, {i} identifiers, {m} merges', {
        p: identity.profiles.length, i: identity.profiles.reduce((n, p) => n + p.identifiers.length, 0), m: identity.merges.length })}>
        {identity.merges.map((merge) => {
          const a = merge.left ? where.get(merge.left) : undefined;
          const b = merge.right ? where.get(merge.right) : undefined;
          if (a === undefined || b === undefined || a === b) return null;
          return (
            <g key={merge.id} class={`graph-merge ${merge.undone_at ? 'undone' : ''}`}>
              <path d={`M${wide / 2},${a} C${wide / 2 + 70},${a} ${wide / 2 + 70},${b} ${wide / 2},${b}`} />
              <text x={wide / 2 + 60} y={(a + b) / 2 + 4}>{merge.through.filter(Boolean).join(' = ') || t(`merge ${merge.reason}`)}</text>
            </g>
          );
        })}
        {placed.map(({ profile, middle, identifiers }) => (
          <g key={profile.id}>
            {identifiers.map(({ identifier, x, y: at, side }, i) => (
              <g key={`${identifier.type}${i}`} class={`graph-leaf ${identifier.value ? '' : 'withheld'}`}>
                <path d={`M${wide / 2},${middle} C${wide / 2 + side * 90},${middle} ${x - side * 90},${at} ${x - side * 10},${at}`} />
                <rect x={side < 0 ? 4 : x - 10} y={at - 17} width={side < 0 ? x + 6 : wide - x + 6} height={34} rx={8} />
                <text class="graph-type" x={side < 0 ? 16 : x + 2} y={at - 3}>{identifier.type}{identifier.verified ? ` · ${t('verified')}` : ''}</text>
                <text class="graph-value" x={side < 0 ? 16 : x + 2} y={at + 11}>{identifier.value ? (identifier.value.length > 30 ? `${identifier.value.slice(0, 29)}…` : identifier.value) : t('withheld for this purpose')}</text>
                <title>{`${identifier.type}: ${identifier.value ?? t('withheld for this purpose')} · ${day(identifier.first_seen)} – ${day(identifier.last_seen)}`}</title>
              </g>
            ))}
            <circle class={`graph-hub ${profile.root ? 'root' : ''}`} cx={wide / 2} cy={middle} r={profile.root ? 26 : 20} />
            <text class="graph-hub-text middle" x={wide / 2} y={middle + 4}>{profile.root ? t('person') : t('joined')}</text>
          </g>
        ))}
      </svg>
    </div>
  );
}
