/* The flow as a picture: sources → gate → profiles → destinations. Bands are as wide as what went through (by its root, so that the small
 * are seen, too); dots move while something moves. A phone gets the same as a list.
 */
import { lamp, type FlowData, type Outcome } from '../pages/home';
import { number, short_number } from '../format';
import { destination_title, source_title } from '../policy';
import { href } from '../route';
import { t } from '../words';
import { Bar } from './parts';

export const TONES: Record<Outcome, string> = { accepted: 'yes', trimmed: 'trim', anonymised: 'quiet', held: 'held', dropped: 'no' };
export const OUTCOME_WORDS: Record<Outcome, string> = { accepted: 'allowed', trimmed: 'trimmed', anonymised: 'anonymised', held: 'held', dropped: 'dropped' };

const WIDTH = 1000;
const ROW = 46;
const band = (count: number, most: number): number => (count ? 2 + 20 * Math.sqrt(count / Math.max(1, most)) : 1);
const curve = (x1: number, y1: number, x2: number, y2: number): string => `M${x1},${y1} C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`;
const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;

function Band({ path, width, rate, tone }: { path: string; width: number; rate: number; tone: string }) {
  const dots = still || rate <= 0 ? 0 : Math.min(4, 1 + Math.floor(Math.log10(1 + rate) * 2));
  const seconds = 2.6 / (1 + Math.log10(1 + rate));
  return (
    <g class={`flow-band ${tone}`}>
      <path d={path} stroke-width={width} />
      {Array.from({ length: dots }, (_, i) => (
        <circle key={i} r={3}><animateMotion {...{ dur: `${seconds}s`, begin: `${(-i * seconds) / dots}s`, repeatCount: "indefinite", path }} /></circle>
      ))}
    </g>
  );
}

function Node({ x, y, width, title, sub, state, to, end, hint }: { x: number; y: number; width: number; title: string; sub: string; state?: string; to: string; end?: boolean; hint?: string }) {
  return (
    <a href={to} class="flow-node">
      <rect x={x} y={y - 18} width={width} height={36} rx={8} />
      {state && <circle class={`flow-lamp ${state}`} cx={x + width - 14} cy={y} r={4.5} />}
      <text x={x + 12} y={y - 2} class="flow-title">{title.length > (state ? 25 : 24) ? `${title.slice(0, state ? 24 : 23)}…` : title}</text>
      <text x={x + 12} y={y + 12} class="flow-sub">{sub}</text>
      {end && <title>{hint ? `${title}: ${sub} (${hint})` : title}</title>}
    </a>
  );
}

const sent_words = (d: FlowData['destinations'][number]): string =>
  [`${short_number(d.delivered ?? 0)} ${t('sent')}`, d.rate > 0 && t('{r}/s', { r: short_number(Math.round(d.rate * 10) / 10) }), d.backlog && `${short_number(d.backlog)} ${t('waiting')}`, d.dead_letters && `${short_number(d.dead_letters)} ${t('dead')}`].filter(Boolean).join(' · ');

export function Flow({ data }: { data: FlowData }) {
  const rows = Math.max(data.sources.length, data.destinations.length, 4);
  const height = rows * ROW + 20;
  const middle = height / 2;
  const spread = (count: number, index: number) => middle + (index - (count - 1) / 2) * ROW;
  const most = Math.max(1, ...data.sources.map((s) => s.total));
  const most_out = Math.max(1, ...data.destinations.map((d) => d.delivered ?? 0));
  const all = Object.values(data.outcomes).reduce((sum, n) => sum + n, 0);
  const through = data.outcomes.accepted + data.outcomes.trimmed;
  const order: Outcome[] = ['accepted', 'trimmed', 'anonymised', 'held', 'dropped'];
  const tall = Math.min(height - 30, 236);
  let y = middle - tall / 2;
  const segments = order.map((outcome) => {
    const share = all ? data.outcomes[outcome] / all : 0;
    const part = { outcome, y, height: share * tall, count: data.outcomes[outcome] };
    y += part.height;
    return part;
  });
  const words = order.filter((o) => data.outcomes[o] > 0).map((o) => `${t(OUTCOME_WORDS[o])} ${number(data.outcomes[o])}`).join(', ');
  return (
    <>
      <svg class="flow only-wide" viewBox={`0 0 ${WIDTH} ${height}`} role="group" aria-label={t('The flow: {words}', { words: words || t('nothing yet') })}>
        {data.sources.map((source, i) => (
          <Band key={source.name} tone="in" width={band(source.total, most)} rate={source.rate} path={curve(196, spread(data.sources.length, i), 364, middle + (i - (data.sources.length - 1) / 2) * (tall / Math.max(1, data.sources.length)))} />
        ))}
        <Band tone="yes" width={Math.max(2, 0.35 * tall * (all ? through / all : 0))} rate={data.rate} path={curve(478, middle, 580, middle)} />
        {data.destinations.map((d, i) => (
          <Band key={d.name} tone="out" width={band(d.delivered ?? 0, most_out)} rate={d.rate} path={curve(676, middle + (i - (data.destinations.length - 1) / 2) * 14, 772, spread(data.destinations.length, i))} />
        ))}
        {data.sources.map((source, i) => (
          <Node key={source.name} x={4} y={spread(data.sources.length, i)} width={192} title={source_title(source.name)} to={href('/live', { source: source.name })}
            sub={source.rate > 0 ? t('{n} · {r}/s', { n: number(source.total), r: short_number(Math.round(source.rate * 10) / 10) }) : number(source.total)} end />
        ))}
        <a href={href('/evidence', { tab: 'denials' })} class="flow-gate">
          <rect x={362} y={middle - tall / 2 - 4} width={118} height={tall + 8} rx={12} />
          <text x={421} y={middle - tall / 2 - 12} class="flow-title middle">{t('Gate')}</text>
          {segments.map((s) => s.count > 0 && <rect key={s.outcome} class={`flow-share ${TONES[s.outcome]}`} x={368} y={s.y} width={10} height={Math.max(1.5, s.height - 1)} rx={2} />)}
          {order.filter((o) => data.outcomes[o] > 0).map((o, i, list) => (
            <text key={o} x={387} y={middle + (i - (list.length - 1) / 2) * 36} class="flow-sub"><tspan class={`flow-count ${TONES[o]}`}>{short_number(data.outcomes[o])}</tspan><tspan x={387} dy={13}>{t(OUTCOME_WORDS[o])}</tspan></text>
          ))}
        </a>
        <a href={href('/profiles')} class="flow-people">
          <circle cx={628} cy={middle} r={50} />
          <text x={628} y={middle - 10} class="flow-title middle">{t('Profiles')}</text>
          <text x={628} y={middle + 8} class="flow-sub middle"><tspan class="flow-count yes">{short_number(through)}</tspan><tspan x={628} dy={14}>{t('kept')}</tspan></text>
        </a>
        {data.destinations.map((d, i) => (
          <Node key={d.name} x={772} y={spread(data.destinations.length, i)} width={224} title={destination_title(d.name)} state={lamp(d)} to={href('/destinations', { name: d.name })}
            sub={sent_words(d)} hint={t('counted since the server started')} end />
        ))}
      </svg>
      <div class="only-narrow stack">
        {data.sources.map((source) => (
          <a key={source.name} class="flow-line" href={href('/live', { source: source.name })}>
            <span class="row between"><b>{source_title(source.name)}</b><span class="num">{number(source.total)}</span></span>
            <Bar label={source.name} parts={order.map((o) => ({ value: source.counts[o], tone: TONES[o], title: t(OUTCOME_WORDS[o]) }))} />
          </a>
        ))}
        <p class="muted">{words}</p>
        {data.destinations.map((d) => (
          <a key={d.name} class="flow-line" href={href('/destinations', { name: d.name })}>
            <span class="row between"><b><span class={`dot inline ${lamp(d)}`} aria-hidden="true" />{destination_title(d.name)}</b><span class="num small">{sent_words(d)}</span></span>
          </a>
        ))}
      </div>
    </>
  );
}
