/* What goes on: the flow as a picture, the health of the parts, and what waits for a person. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ask, text, type Schema } from '../api';
import { number, percent, short_number, time, times } from '../format';
import { destination_title, policy } from '../policy';
import { reason_remedy, reason_text } from '../reasons';
import { href, route, set } from '../route';
import { sending_text } from '../sending';
import { may } from '../session';
import { Flow } from '../ui/flow';
import { Bar, Card, Empty, Page, Shown, Tag } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';

type Counter = Schema<'Counters'>['counters'][number];
export type Destination = Schema<'Destination'>;

/** What a lamp says of a destination: it works, it waits for somebody, or something is lost unless somebody looks. */
export const lamp = (d: Destination): 'yes' | 'trim' | 'no' => (d.state === 'paused' ? 'trim' : d.state !== 'ready' || d.dead_letters ? 'no' : 'yes');

const OUTCOMES = ['accepted', 'trimmed', 'anonymised', 'held', 'dropped'] as const;
export type Outcome = (typeof OUTCOMES)[number];
export interface FlowData {
  sources: { name: string; counts: Record<Outcome, number>; total: number; rate: number }[];
  outcomes: Record<Outcome, number>;
  destinations: (Destination & { rate: number })[];
  rate: number;
}

const since = (days: number): string => {
  const date = new Date();
  date.setUTCHours(0, 0, 0, 0);
  date.setUTCDate(date.getUTCDate() - (days - 1));
  return date.toISOString();
};

function flow_of(counters: Counter[], destinations: Destination[], before: Tick | null, now: Tick): FlowData {
  const names = policy.value?.sources.map((s) => s.name) ?? [];
  for (const c of counters) if (c.source && (OUTCOMES as readonly string[]).includes(c.what) && !names.includes(c.source)) names.push(c.source);
  const zero = (): Record<Outcome, number> => ({ accepted: 0, trimmed: 0, anonymised: 0, held: 0, dropped: 0 });
  const outcomes = zero();
  const sources = names.map((name) => ({ name, counts: zero(), total: 0, rate: 0 }));
  const by_name = new Map(sources.map((source) => [source.name, source]));
  for (const c of counters) {
    const source = by_name.get(c.source);
    if (!source || !(OUTCOMES as readonly string[]).includes(c.what)) continue;
    source.counts[c.what as Outcome] += c.count;
    outcomes[c.what as Outcome] += c.count;
    source.total += c.count;
  }
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = (key: string) => (before && seconds > 0.2 ? Math.max(0, (now.sums.get(key) ?? 0) - (before.sums.get(key) ?? 0)) / seconds : 0);
  for (const source of sources) source.rate = rate(`s:${source.name}`);
  return {
    sources, outcomes, destinations: destinations.map((d) => ({ ...d, rate: rate(`d:${d.name}`) })),
    rate: sources.reduce((sum, source) => sum + source.rate, 0),
  };
}

interface Tick {
  at: number;
  sums: Map<string, number>;
}

function tick_of(counters: Counter[], destinations: Destination[]): Tick {
  const sums = new Map<string, number>();
  for (const c of counters) if ((OUTCOMES as readonly string[]).includes(c.what)) sums.set(`s:${c.source}`, (sums.get(`s:${c.source}`) ?? 0) + c.count);
  for (const d of destinations) sums.set(`d:${d.name}`, d.delivered ?? 0);
  return { at: performance.now(), sums };
}

export default function Home() {
  const days = Number(route.value.query.days) || 1;
  const ticks = useRef<{ days: number; before: Tick | null; now: Tick | null }>({ days, before: null, now: null });
  const flow = useAsked(policy.value === null ? null : async () => {
    const [counters, destinations] = await Promise.all([
      ask(api.GET('/v1/counters', { params: { query: { from: since(days) } } })), ask(api.GET('/v1/destinations')),
    ]);
    const list = destinations.destinations;
    const now = tick_of(counters.counters, list);
    const kept = ticks.current.days === days ? ticks.current.now : null;
    ticks.current = { days, before: kept, now };
    return { counters: counters.counters, destinations: list, drawn: flow_of(counters.counters, list, kept, now) };
  }, [days], 2500);
  const range = [1, 7, 30];
  return (
    <Page title={t('Home')} lead={t('What arrives, what the gate lets through, and what waits for a person.')} end={
      <div class="row" role="group" aria-label={t('Period')}>
        {range.map((n) => <button key={n} type="button" class="button" aria-pressed={n === days} onClick={() => set({ days: n === 1 ? null : n }, true)}>{n === 1 ? t('Today') : t('{n} days', { n })}</button>)}
      </div>}>
            <div class="stack">
        {policy.value === null ? <Card title={t('The flow')}><Empty title={t('Nothing flows yet')}><p>{t('A policy says what may be taken, for which purposes, and where it may go.')}</p><p><a class="button first" href={href('/purposes', { tab: 'policy' })}>{t('Write one')}</a></p></Empty></Card> : <Shown asked={flow}>{(data) => <Card title={t('The flow')} note={t('{n} messages a second now', { n: short_number(Math.round(data.drawn.rate * 10) / 10) })}><Flow data={data.drawn} /></Card>}</Shown>}
        <div class="grid cols-3">
          <Needs destinations={flow.data?.destinations} counters={flow.data?.counters} />
          <Nos days={days} />
          <Health destinations={flow.data?.destinations} />
        </div>
      </div>
    </Page>
  );
}

function Needs({ destinations, counters }: { destinations: Destination[] | undefined; counters: Counter[] | undefined }) {
  const rights = useAsked(() => ask(api.GET('/v1/audit/rights', { params: { query: { state: 'open', limit: 200 } } })), [], 15_000);
  const items: { key: string; tone: 'no' | 'trim' | 'held'; text: string; sub: string; to: string }[] = [];
  for (const request of rights.data?.requests ?? []) {
    const left = request.days_left ?? 99;
    if (request.overdue || left <= 10)
      items.push({
        key: request.id, tone: request.overdue ? 'no' : 'trim', text: `${t(`right ${request.right}`)} · ${t(`state ${request.state}`)}`,
        sub: request.overdue ? t('overdue since {at}', { at: time(request.due_at) }) : t('{n} days left', { n: left }), to: href('/rights', { id: request.id }),
      });
  }
  const open = rights.data?.requests.length ?? 0;
  for (const d of destinations ?? []) {
    if (d.dead_letters) items.push({ key: `dead ${d.name}`, tone: 'no', text: t('{n} dead letters for {name}', { n: number(d.dead_letters), name: destination_title(d.name) }), sub: d.last_error ? sending_text(d.last_error) : t('Look at them, then replay.'), to: href('/destinations', { name: d.name, state: 'dead' }) });
    if (d.state !== 'ready') items.push({ key: `state ${d.name}`, tone: d.state === 'paused' ? 'trim' : 'no', text: t('{name} is {state}', { name: destination_title(d.name), state: t(`state ${d.state}`) }), sub: d.last_error ? sending_text(d.last_error) : '', to: href('/destinations', { name: d.name }) });
  }
  const joins = (counters ?? []).filter((c) => c.what === 'refused_join');
  const refused = joins.reduce((sum, c) => sum + c.count, 0);
  if (refused) items.push({ key: 'joins', tone: 'held', text: t('{n} joins of identities were refused', { n: number(refused) }), sub: [...new Set(joins.map((c) => reason_text({ code: c.reason })))].join(' '), to: href('/evidence', { tab: 'denials' }) });
  return (
    <Card title={t('Needs a person')} note={rights.data ? t('{n} requests open', { n: open }) : undefined} end={<a class="small" href={href('/rights')}>{t('Rights')}</a>}>
      {!items.length && <p class="row muted"><Tag tone="yes" icon="yes">{t('nothing')}</Tag>{t('No deadline is near, no letter is dead.')}</p>}
      <ul class="needs">
        {items.slice(0, 9).map((item) => (
          <li key={item.key}>
            <span class={`dot ${item.tone}`} aria-hidden="true" />
            <a href={item.to}>{item.text}</a>
            {item.sub && <span class="faint small break">{item.sub}</span>}
          </li>
        ))}
      </ul>
      {items.length > 9 && <p class="small faint">{t('and {n} more', { n: items.length - 9 })}</p>}
    </Card>
  );
}

function Nos({ days }: { days: number }) {
  const denials = useAsked(() => ask(api.GET('/v1/denials', { params: { query: { from: since(days) } } })), [days], 10_000);
  return (
    <Card title={t('Why the gate said no')} note={denials.data ? times(denials.data.total) : undefined}
      end={<a class="small" href={href('/evidence', { tab: 'denials', days: days === 1 ? null : days })}>{t('All')}</a>}>
      <Shown asked={denials} empty={(data) => !data.total && <p class="muted">{t('Nothing was denied in this time.')}</p>}>
        {(data) => (
          <ul class="nos">
            {data.denials.slice(0, 6).map((denial) => (
              <li key={denial.reason}>
                <div class="no-head"><span>{reason_text({ code: denial.reason, text: denial.text })}</span><span class="num small">{number(denial.count)} · {percent(denial.count, data.total)}</span></div>
                <Bar label={denial.reason} parts={[{ value: denial.count, tone: 'no', title: denial.reason }, { value: Math.max(0, data.total - denial.count), tone: 'rest', title: t('others') }]} />
                <span class="small faint">{t('To make it a yes:')} {reason_remedy({ code: denial.reason })}</span>
              </li>
            ))}
          </ul>
        )}
      </Shown>
    </Card>
  );
}

interface Ready { ok: boolean; version?: number; detail?: string }

function Health({ destinations }: { destinations: Destination[] | undefined }) {
  const ready = useAsked<Ready>(async () => {
    try {
      const said = JSON.parse(await text('/readyz')) as { policy_version: number };
      return { ok: true, version: said.policy_version };
    } catch (cause) {
      const failed = cause as { kind?: string; message: string };
      if (failed.kind === 'offline') throw cause;
      return { ok: false, detail: failed.message };
    }
  }, [], 5000);
  const queues = useAsked(may('admin') ? () => ask(api.GET('/v1/admin/show/{what}', { params: { path: { what: 'queues' } } })) as Promise<Record<string, number>> : null, [], 5000);
  const holds = useAsked(may('admin') ? () => ask(api.GET('/v1/admin/show/{what}', { params: { path: { what: 'holds' } } })) as Promise<Record<string, number>> : null, [], 5000);
  const [head, set_head] = useState<string>();
  useEffect(() => {
    text('/v1/evidence/checkpoint').then((note) => set_head(note.split('\n')[1]), () => undefined);
  }, [ready.data]);
  const broken = (destinations ?? []).filter((d) => lamp(d) === 'no');
  return (
    <Card title={t('Health')} end={<a class="small" href="/metrics" target="_blank" rel="noopener">{t('Metrics')}</a>}>
      <dl class="pairs">
        <dt>{t('Takes data')}</dt>
        <dd>{ready.data ? (ready.data.ok ? <Tag tone="yes" icon="yes">{t('yes')}</Tag> : <><Tag tone="no" icon="no">{t('no')}</Tag> <span class="small">{policy.value === null ? t('No policy is active yet') : ready.data.detail}</span></>) : <Tag tone="no" icon="away">{t('unknown')}</Tag>}</dd>
        <dt>{t('Policy in force')}</dt>
        <dd>{policy.value ? <a href={href('/purposes', { tab: 'policy' })}>{t('version {n}', { n: policy.value.version })}</a> : t('none')}</dd>
        <dt>{t('Destinations')}</dt>
        <dd>{destinations ? (broken.length ? <Tag tone="no" icon="alert">{t('{n} in trouble', { n: broken.length })}</Tag> : <Tag tone="yes" icon="yes">{t('all well')}</Tag>) : '–'}</dd>
        <dt>{t('Ledger')}</dt>
        <dd>{head ? <a href={href('/evidence')}>{t('{n} entries, signed', { n: number(Number(head)) })}</a> : '–'}</dd>
        {queues.data && <><dt>{t('Waiting to be stored')}</dt><dd>{number(queues.data.queue_works ?? 0)}</dd></>}
        {holds.data && <><dt>{t('People')}</dt><dd>{number(holds.data.persons ?? 0)}</dd><dt>{t('Held, sealed')}</dt><dd>{number(holds.data.held ?? 0)}</dd></>}
      </dl>
    </Card>
  );
}
