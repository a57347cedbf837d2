/* Messages as they arrive, each with the gate's answer. Built for thousands a second: what comes is gathered and drawn some times a second (nobody reads
 * faster), only the rows in sight are in the page, and whoever scrolls down reads on undisturbed. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { api, ask, type Schema } from '../api';
import { clock, number } from '../format';
import { destination_title, policy, source_title } from '../policy';
import { reason_remedy, reason_text } from '../reasons';
import { href, route, set } from '../route';
import { offline } from '../session';
import { Chart } from '../ui/chart';
import { OUTCOME_WORDS, TONES } from '../ui/flow';
import { Icon } from '../ui/icons';
import { Card, Dialog, Empty, Page, PurposeChip, Purposes, Tag, type Tone } from '../ui/parts';
import { t } from '../words';

/** As the stream tells it (`x-events` of /v1/live in /openapi.json), numbered here. */
export type Message = Schema<'LiveMessage'> & { no: number };
type Rate = Schema<'LiveRate'>;

const KEPT = 10_000;
const ROW = 34;
const SHOWN = 3; // purposes in a row; all of them are in the message's journey
const SECONDS = 120;
const AGAIN_MS = 5000; // after the server refused the stream
const DRAW_MS = 90; // between two drawings
const OUTCOMES = ['accepted', 'trimmed', 'held', 'dropped', 'anonymised', 'duplicate', 'invalid'];

export const outcome_tone = (outcome: string): Tone => (TONES as Record<string, Tone>)[outcome] ?? (outcome === 'invalid' ? 'no' : 'quiet');
export const outcome_word = (outcome: string): string => t((OUTCOME_WORDS as Record<string, string>)[outcome] ?? outcome);

/** Takes in what the server tells; draws when it is time to. */
function useFeed(filter: string, paused: boolean) {
  const list = useRef<Message[]>([]);
  const rates = useRef<Rate[]>([]);
  const dropped = useRef(0);
  const serial = useRef(0);
  const [turn, draw] = useState(0);
  const [state, set_state] = useState<'opening' | 'open' | 'broken'>('opening');
  const [attempt, try_again] = useState(0);
  const stopped = useRef(paused);
  stopped.current = paused;
  useEffect(() => {
    let frame = 0, timer = 0, drawn = 0;
    const now = () => {
      timer = 0;
      frame = requestAnimationFrame(() => { frame = 0; drawn = performance.now(); draw((n) => n + 1); });
    };
    const soon = () => {
      if (!frame && !timer) timer = window.setTimeout(now, Math.max(0, drawn + DRAW_MS - performance.now()));
    };
    const source = new EventSource(`/v1/live${filter ? `?${filter}` : ''}`);
    source.onopen = () => { offline.value = false; set_state('open'); };
    let later = 0;
    const broken = () => {
      set_state('broken');
      later = window.setTimeout(() => try_again((n) => n + 1), AGAIN_MS);
      void ask(api.GET('/v1/policy')).catch(() => undefined); // a session that has ended is said as everywhere
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) return broken();
      set_state('opening');
      fetch('/healthz').catch(() => { offline.value = true; });
    };
    source.addEventListener('end', () => { source.close(); broken(); });
    source.addEventListener('message', (event) => {
      if (stopped.current) return;
      const message = JSON.parse((event as MessageEvent<string>).data) as Message;
      message.no = ++serial.current;
      list.current.push(message);
      if (list.current.length > KEPT * 1.2) list.current = list.current.slice(-KEPT);
      soon();
    });
    source.addEventListener('dropped', (event) => {
      dropped.current += (JSON.parse((event as MessageEvent<string>).data) as Schema<'LiveDropped'>).count;
      soon();
    });
    source.addEventListener('rate', (event) => {
      rates.current = [...rates.current.slice(-(SECONDS - 1)), JSON.parse((event as MessageEvent<string>).data) as Rate];
      soon();
    });
    return () => {
      source.close();
      clearTimeout(later);
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [filter, attempt]);
  useEffect(() => { list.current = []; }, [filter]);
  const clear = () => { list.current = []; dropped.current = 0; draw((n) => n + 1); };
  return { turn, list: list.current, rates: rates.current, dropped: dropped.current, state, clear };
}

/** `turn` changes with what is in the list, which stays the same array: a part whose properties are the same is not drawn again. */
function Rows({ list: all, pick, follow }: { turn: number; list: Message[]; pick: (message: Message) => void; follow: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, set_top] = useState(0);
  const [tall, set_tall] = useState(520);
  useEffect(() => {
    const watch = new ResizeObserver(() => set_tall(box.current?.clientHeight ?? 520));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (follow && box.current && top) box.current.scrollTop = 0;
  }, [follow]);
  // Who has scrolled down reads: what was there stays where it is, and what came since waits above.
  const held = useRef<Message[] | null>(null);
  const scrolled = (at: number) => {
    if (at <= ROW) held.current = null;
    else held.current ??= all.slice();
    set_top(at);
  };
  if (!all.length) held.current = null;
  const list = held.current ?? all;
  const newer = held.current ? (all.at(-1)?.no ?? 0) - (held.current.at(-1)?.no ?? 0) : 0;
  const first = Math.max(0, Math.floor(top / ROW) - 6);
  const count = Math.ceil(tall / ROW) + 12;
  const shown: Message[] = [];
  for (let i = first; i < Math.min(list.length, first + count); i++) shown.push(list[list.length - 1 - i]!);
  return (
    <div class="live-box">
    {newer > 0 && <button type="button" class="button first live-newer" onClick={() => { box.current!.scrollTop = 0; box.current!.focus(); }}><Icon name="up" size={15} />{t('{n} newer', { n: number(newer) })}</button>}
    <div class="live-rows" ref={box} tabIndex={0} role="group" aria-label={t('Messages, newest first')} onScroll={(e) => scrolled(e.currentTarget.scrollTop)}>
      <div class="live-space" style={{ height: `${list.length * ROW}px` }}>
        <ul style={{ transform: `translateY(${first * ROW}px)` }}>
          {shown.map((message) => (
            <li key={message.no}>
              <button type="button" class="live-row" onClick={() => pick(message)}>
                <span class="faint small mono">{clock(message.at)}</span>
                <span class="ellipsis">{source_title(message.source)}</span>
                <span class="ellipsis"><strong>{message.name ?? message.type}</strong></span>
                <span><Tag tone={outcome_tone(message.outcome)}>{outcome_word(message.outcome)}</Tag></span>
                <span class="row tight-gap live-purposes">{message.purposes.slice(0, SHOWN).map((name) => <PurposeChip key={name} name={name} plain />)}{message.purposes.length > SHOWN && <span class="faint">+{message.purposes.length - SHOWN}</span>}</span>
                <span class="small muted ellipsis">{(message.left_out?.length ?? 0) > 0 ? t('{n} fields left out', { n: message.left_out!.length }) : message.reasons?.map((code) => reason_text({ code })).join(' ')}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
    </div>
  );
}

function Journey({ message, close }: { message: Message; close: () => void }) {
  const purposes = message.purposes ?? [];
  const receivers = (policy.value?.destinations ?? []).filter((d) => purposes.includes(d.purpose));
  return (
    <Dialog drawer title={`${message.name ?? message.type} · ${source_title(message.source)}`} close={close}>
      <ol class="journey">
        <li><span class="dot yes" /><div><h3>{t('It arrived')}</h3><p class="muted">{clock(message.at)} · {source_title(message.source)} · {message.type}</p></div></li>
        <li><span class={`dot ${outcome_tone(message.outcome)}`} /><div><h3>{t('The gate said')} <Tag tone={outcome_tone(message.outcome)}>{outcome_word(message.outcome)}</Tag></h3>
          {purposes.length > 0 && <p class="row tight-gap">{t('for')} <Purposes names={purposes} /></p>}
          {(message.reasons ?? []).map((code) => <p key={code} class="small">{reason_text({ code })} <span class="muted"><b>{t('To make it a yes:')}</b> {reason_remedy({ code })}</span></p>)}
        </div></li>
        {(message.left_out?.length ?? 0) > 0 && (
          <li><span class="dot trim" /><div><h3>{t('Left out, field by field')}</h3>
            <ul class="left-out">{message.left_out!.map((item) => (
              <li key={item.field}><code>{item.field}</code>{item.reasons.map((code) => <p key={code} class="small">{reason_text({ code })} <span class="muted"><b>{t('To make it a yes:')}</b> {reason_remedy({ code })}</span></p>)}</li>
            ))}</ul>
          </div></li>
        )}
        {message.outcome === 'held' && <li><span class="dot held" /><div><h3>{t('It waits, sealed')}</h3><p class="muted">{t('Until a consent makes it a yes, or its time runs out; then it is gone.')}</p></div></li>}
        {(message.outcome === 'accepted' || message.outcome === 'trimmed') && <li><span class="dot yes" /><div><h3>{t('It is in a profile')}</h3>{message.profile && purposes[0] ? <p><a href={href('/profiles', { who: `profile:${message.profile}`, for: purposes[0] })}><Icon name="person" size={14} /> {t('The person, seen through {purpose}; the look is recorded', { purpose: purposes[0] })}</a></p> : <p class="muted small">{t('of purposes that are not yours')}</p>}</div></li>}
        {receivers.length > 0 && <li><span class="dot yes" /><div><h3>{t('From there it may go to')}</h3><ul class="stack tight">{receivers.map((d) => <li key={d.name}><a href={href('/destinations', { name: d.name })}>{destination_title(d.name)}</a> <span class="faint small">{d.recipient}</span></li>)}</ul><p class="small muted">{t('The gate is asked again, at the moment of sending.')}</p></div></li>}
      </ol>
    </Dialog>
  );
}

export default function Live() {
  const { source, outcome, purpose, paused } = route.value.query;
  const filter = useMemo(() => {
    const pairs = new URLSearchParams();
    if (source) pairs.set('source', source);
    if (outcome) pairs.set('outcome', outcome);
    if (purpose) pairs.set('purpose', purpose);
    return pairs.toString();
  }, [source, outcome, purpose]);
  const feed = useFeed(filter, !!paused);
  const [open, set_open] = useState<Message>();
  const rates = feed.rates;
  const data = useMemo(() => [rates.map((r) => Date.parse(r.at) / 1000), rates.map((r) => r.accepted), rates.map((r) => r.trimmed), rates.map((r) => r.held), rates.map((r) => r.dropped)], [rates]);
  const last = rates.at(-1);
  return (
    <Page title={t('Live')} lead={t('Messages as they arrive, with the gate’s answer. What an event is called is shown where one of your purposes may know it, and that look is recorded; no other value of a person is here.')} end={
      <>
        <button type="button" class="button" aria-pressed={!!paused} onClick={() => set({ paused: paused ? null : 1 }, true)}><Icon name={paused ? 'play' : 'pause'} size={16} />{paused ? t('Go on') : t('Pause')}</button>
        <button type="button" class="button" onClick={feed.clear}>{t('Clear')}</button>
      </>}>
      <div class="stack">
        <Card title={t('A second')} note={last ? t('{n} messages in the last second', { n: number(last.messages) }) : t('waiting for the first second')} end={<Tag tone={feed.state === 'open' ? 'yes' : feed.state === 'broken' ? 'no' : 'trim'} icon={feed.state === 'open' ? 'yes' : 'away'}>{feed.state === 'open' ? t('connected') : feed.state === 'broken' ? t('not connected') : t('connecting …')}</Tag>}>
          <Chart height={150} seconds={SECONDS} label={t('Messages a second, by outcome')} data={data} lines={[
            { label: outcome_word('accepted'), color: '--yes', fill: true }, { label: outcome_word('trimmed'), color: '--trim' }, { label: outcome_word('held'), color: '--held' }, { label: outcome_word('dropped'), color: '--no' },
          ]} />
        </Card>
        <Card flush title={t('Messages')} note={`${t('{n} kept here', { n: number(feed.list.length) })}${feed.dropped ? ` · ${t('{n} not shown: they came faster than this browser takes them', { n: number(feed.dropped) })}` : ''}`}>
          <div class="form-row pad">
            <label class="field">{t('Source')}<select value={source ?? ''} onChange={(e) => set({ source: e.currentTarget.value }, true)}><option value="">{t('all')}</option>{(policy.value?.sources ?? []).map((s) => <option key={s.name} value={s.name}>{source_title(s.name)}</option>)}</select></label>
            <label class="field">{t('Answer')}<select value={outcome ?? ''} onChange={(e) => set({ outcome: e.currentTarget.value }, true)}><option value="">{t('all')}</option>{OUTCOMES.map((o) => <option key={o} value={o}>{outcome_word(o)}</option>)}</select></label>
            <label class="field">{t('Purpose')}<select value={purpose ?? ''} onChange={(e) => set({ purpose: e.currentTarget.value }, true)}><option value="">{t('all')}</option>{(policy.value?.purposes ?? []).map((p) => <option key={p.name}>{p.name}</option>)}</select></label>
          </div>
          {feed.list.length ? <Rows turn={feed.turn} list={feed.list} pick={set_open} follow={!paused} /> : (
            <Empty title={paused ? t('Paused') : t('Nothing has arrived since you came')}><p>{t('Messages appear here the moment they are stored.')}</p></Empty>
          )}
        </Card>
      </div>
      {open && <Journey message={open} close={() => set_open(undefined)} />}
    </Page>
  );
}
