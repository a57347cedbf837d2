/* What a person said, over time: a row for each purpose, a band for each time in which a basis stood, in the colour of the basis; a mark for
 * each statement. The table beside it says the same in words.
 */
import type { Schema } from '../api';
import { day, time } from '../format';
import { policy, purpose_title } from '../policy';
import { href } from '../route';
import { t } from '../words';

type Consent = Schema<'Consent'>;
const YES = new Set(['given', 'renewed', 'opened', 'invoked', 'informed', 'objection_lifted', 'unrestricted']);
const NO = new Set(['refused', 'withdrawn', 'ended', 'objected', 'opted_out', 'restricted']);

export interface Band {
  from: number;
  to: number;
  open: boolean; // it still stands
}

export function bands_of(records: Consent[], now: number): Band[] {
  const list: Band[] = [];
  let open: { from: number; until: number } | null = null;
  const close = (at: number) => {
    if (open) list.push({ from: open.from, to: Math.min(at, open.until), open: false });
    open = null;
  };
  for (const record of [...records].sort((a, b) => a.at.localeCompare(b.at))) {
    const at = Date.parse(record.at);
    const until = record.expires ? Date.parse(record.expires) : Infinity;
    if (YES.has(record.status)) {
      if (open && at > (open as { until: number }).until) close(at);
      open = open ? { from: (open as { from: number }).from, until } : { from: at, until };
    } else if (NO.has(record.status)) close(at);
  }
  if (open) {
    const { from, until } = open as { from: number; until: number };
    list.push({ from, to: Math.min(until, now), open: until > now });
  }
  return list;
}

export function ConsentBands({ records, at, pick }: { records: Consent[]; at?: string; pick: (id: string) => void }) {
  const now = Date.now();
  const names = [...new Set([...(policy.value?.purposes.map((p) => p.name) ?? []), ...records.map((r) => r.purpose)])].filter((name) => records.some((r) => r.purpose === name));
  const starts = records.map((r) => Date.parse(r.at));
  const first = Math.min(...starts, now - 7 * 86_400_000);
  const span = Math.max(now - first, 1);
  const begin = first - span * 0.04;
  const end = now + span * 0.1;
  const x = (ms: number) => 190 + (790 * (Math.min(Math.max(ms, begin), end) - begin)) / (end - begin);
  const row = 34;
  const height = names.length * row + 34;
  const ticks = Array.from({ length: 6 }, (_, i) => begin + ((end - begin) * (i + 0.5)) / 6);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Statements over time')}>
      <svg class="bands" viewBox={`0 0 1000 ${height}`} role="group" aria-label={t('Statements over time')}>
        {ticks.filter((tick) => Math.abs(x(tick) - x(now)) > 40).map((tick) => <g key={tick}><line class="bands-grid" x1={x(tick)} x2={x(tick)} y1={4} y2={height - 24} /><text class="bands-text middle" x={x(tick)} y={height - 8}>{day(tick)}</text></g>)}
        {names.map((name, i) => {
          const mine = records.filter((r) => r.purpose === name);
          const basis = policy.value?.purposes.find((p) => p.name === name)?.basis;
          const y = i * row + 8;
          return (
            <g key={name} data-basis={basis} class={`bands-row ${at === name ? 'on' : ''}`}>
              <a href={href('/purposes', { name })}><text class="bands-name" x={8} y={y + 15}>{name}<title>{purpose_title(name)}</title></text></a>
              <line class="bands-base" x1={190} x2={980} y1={y + 11} y2={y + 11} />
              {bands_of(mine, now).map((band) => (
                <rect key={band.from} class="bands-band" x={x(band.from)} y={y + 2} width={Math.max(3, x(band.open ? end : band.to) - x(band.from))} height={18} rx={4}>
                  <title>{`${name}: ${day(band.from)} – ${band.open ? t('today') : day(band.to)}`}</title>
                </rect>
              ))}
              {mine.map((record) => (
                <g key={record.id} class={`bands-mark ${YES.has(record.status) ? 'yes' : 'no'}`} role="button" tabIndex={0} aria-label={`${name}: ${t(`said ${record.status}`)}, ${time(record.at)}`}
                  onClick={() => pick(record.id)} onKeyDown={(e) => (e.key === 'Enter' || e.key === ' ') && (e.preventDefault(), pick(record.id))}>
                  <circle cx={x(Date.parse(record.at))} cy={y + 11} r={12} class="bands-hit" />
                  <circle cx={x(Date.parse(record.at))} cy={y + 11} r={6} />
                  <title>{`${t(`said ${record.status}`)} · ${time(record.at)}`}</title>
                </g>
              ))}
            </g>
          );
        })}
        <line class="bands-now" x1={x(now)} x2={x(now)} y1={0} y2={height - 22} />
        <text class="bands-text middle" x={x(now)} y={height - 8}>{t('now')}</text>
      </svg>
    </div>
  );
}
