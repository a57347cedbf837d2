/* The guided tour: a customer's data arrives, is held; she consents, it is released and used; she withdraws, it is gone; and here is the proof.
 * Nothing is staged: each step asks this server, about a customer who is made up for the tour and erased at its end. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ask, Failure, json, type Schema } from '../api';
import { time, times } from '../format';
import { destination_title, policy, purpose_title, source_title } from '../policy';
import { reason_text } from '../reasons';
import { href } from '../route';
import { Icon, type IconName } from '../ui/icons';
import { Card, Decision, Empty, Page, PurposeChip, Reasons, Tag } from '../ui/parts';
import { prove, Steps, type Checked } from '../ui/proof';
import { t } from '../words';

interface Scene { title: string; words: string; act: (run: Run) => Promise<ComponentChildren> }
interface Run { who: string; id: string; email: string; purpose: string; source: string; given?: Schema<'Stated'>; withdrawn?: Schema<'Stated'> }

type Collected = Schema<'Collected'>;
const SECONDS = 21; // eight scenes: about three minutes; views.css has it, too

/** A purpose on consent that a source with `hold` feeds, best with a destination: the newsletter of the demo shop. */
function cast(): Omit<Run, 'who' | 'id' | 'email'> | null {
  const p = policy.value;
  const able = (p?.purposes ?? []).filter((one) => one.basis === 'consent' && one.raw.explicit_consent !== true && one.categories.includes('behaviour'));
  const best = able.find((one) => p!.destinations.some((d) => d.purpose === one.name)) ?? able[0];
  const source = best && p!.sources.find((s) => s.purposes.includes(best.name) && s.when_denied.startsWith('hold'));
  return best && source ? { purpose: best.name, source: source.name } : null;
}

async function seen(run: Run): Promise<{ profile?: Schema<'Profile'>; failure?: Failure }> {
  try {
    return { profile: await ask(api.GET('/v1/profiles/{subject}', { params: { path: { subject: run.who }, query: { purpose: run.purpose } } })) };
  } catch (cause) {
    return { failure: cause as Failure };
  }
}

const decide = (run: Run) => ask(api.POST('/v1/decide', { body: { subject: run.who, purpose: run.purpose } })) as Promise<Schema<'Decision'>>;

function Message({ reply }: { reply: Collected }) {
  const one = reply.messages?.[0] as Schema<'MessageExplained'> | undefined;
  return (
    <div class="stack tight">
      <p><Tag tone="held" icon="clock">{t(one?.outcome ?? 'held')}</Tag></p>
      <ul class="left-out">{(one?.left_out ?? []).slice(0, 6).map((item) => <li key={item.field}><code>{item.field}</code> <span class="small muted">{item.reasons.map((code) => reason_text({ code })).join(' ')}</span></li>)}</ul>
    </div>
  );
}

function Seen({ found }: { found: { profile?: Schema<'Profile'>; failure?: Failure } }) {
  if (found.profile)
    return <ul class="stack tight">{found.profile.events.map((event) => <li key={event.id}><Tag tone="yes" icon="yes">{t('seen')}</Tag> <strong>{event.event ?? event.type}</strong> <span class="muted small">{Object.entries(event.properties ?? {}).map(([k, v]) => `${k}: ${String(v)}`).join(' · ')}</span></li>)}{!found.profile.events.length && <li class="muted">{t('The person is known; no event may be seen.')}</li>}</ul>;
  return <div><p><Tag tone="no" icon="no">{found.failure?.kind === 'missing' ? t('nobody is known') : t('withheld')}</Tag></p><Reasons list={found.failure?.reasons ?? []} /></div>;
}

/** Where her data is in each scene, station by station: `now` something happens here, `has` it lies here, `no` the gate refuses, `gone` it was here. */
type At = '' | 'now' | 'has' | 'no' | 'gone';
const WAY: At[][] = [
  ['now', 'no', '', '', '', ''], ['', 'no', 'has', '', '', ''], ['', 'now', 'has', '', '', 'now'], ['', 'now', 'gone', 'has', '', 'has'],
  ['now', 'now', '', 'has', 'has', 'has'], ['', 'no', '', 'has', 'has', 'now'], ['', 'no', '', 'gone', 'gone', 'has'], ['', '', '', 'gone', 'gone', 'now'],
];
const SIGNS: IconName[] = ['live', 'ask', 'clock', 'person', 'send', 'evidence'];
const WAY_WORDS: Record<At, string> = {
  '': '', now: 'it happens here', has: 'it is here', no: 'refused', gone: 'gone from here',
};

function Way({ at, names }: { at: number; names: string[] }) {
  const states = WAY[at] ?? names.map((): At => '');
  return (
    <ol class="tour-way" aria-label={t('Where her data is')}>
      {names.map((name, i) => {
        const state = states[i]!;
        return <li key={SIGNS[i]} class={state}><span class="tour-station"><Icon name={state === 'no' ? 'no' : SIGNS[i]!} size={20} /></span><span class="tour-name">{name}</span><span class="small tour-state">{state && t(WAY_WORDS[state])}</span></li>;
      })}
    </ol>
  );
}

const SCENES: Scene[] = [
  {
    title: 'Data arrives', words: 'A visitor of the web shop looks at a lamp. She has said nothing yet. The shop’s script sends the click, as any shop’s script does.',
    act: async (run) => {
      const reply = await json<Collected>(`/v1/track?source=${run.source}&explain=1`, 'POST', { userId: run.id, event: 'Product Viewed', properties: { product_id: 'LAMP-2', name: 'Asztali lámpa', price: 11990 } });
      return <Message reply={reply} />;
    },
  },
  {
    title: 'It is held', words: 'No purpose may keep it, so it waits, sealed, for a day. Nobody can see it, not even the shop. No signal is never a yes.',
    act: async (run) => {
      const [answer, found] = await Promise.all([decide(run), seen(run)]);
      return <div class="grid cols-2"><div><p><Decision value={answer.decision} /></p><Reasons list={answer.reasons} /></div><Seen found={found} /></div>;
    },
  },
  {
    title: 'She consents', words: 'She reads the text, and subscribes. Her yes becomes a record, with a signed receipt and a place in a ledger that cannot be rewritten.',
    act: async (run) => {
      run.given = await ask(api.POST('/v1/consents', { body: { subject: run.who, purpose: run.purpose, status: 'given', method: 'guided tour' } }));
      return <dl class="pairs"><dt>{t('Purpose')}</dt><dd><PurposeChip name={run.purpose} /></dd><dt>{t('Text shown')}</dt><dd>{run.given.notice ?? '–'}</dd><dt>{t('Ledger')}</dt><dd class="mono">#{run.given.ledger.index}</dd><dt>{t('Recorded')}</dt><dd>{time(run.given.known_at)}</dd></dl>;
    },
  },
  {
    title: 'It is released', words: 'In the same commit, what was held for this purpose is released. Only for this purpose: the others still see nothing.',
    act: async (run) => {
      await json(`/v1/identify?source=${run.source}`, 'POST', { userId: run.id, traits: { email: run.email, language: 'hu' } });
      return <Seen found={await seen(run)} />;
    },
  },
  {
    title: 'It is used', words: 'The next click goes on to whoever serves this purpose. The gate is asked again, at the moment of sending; each field that leaves was allowed.',
    act: async (run) => {
      await json(`/v1/track?source=${run.source}`, 'POST', { userId: run.id, event: 'Product Added', properties: { product_id: 'LAMP-2', name: 'Asztali lámpa', price: 11990 } });
      for (let i = 0; i < 20; i++) {
        const timeline = await ask(api.GET('/v1/profiles/{subject}/timeline', { params: { path: { subject: run.who }, query: { purpose: run.purpose, limit: 50 } } }));
        const list = timeline.items.filter((item) => item.what === 'delivery' || item.what === 'sent');
        if (list.some((item) => item.what === 'sent') || i === 19)
          return list.length ? <ul class="stack tight">{list.slice(0, 4).map((item, k) => { const d = item.detail as Record<string, string>; return <li key={k} class="row"><Tag tone={item.what === 'sent' ? 'yes' : 'held'} icon={item.what === 'sent' ? 'yes' : 'clock'}>{item.what === 'sent' ? t('sent') : t(`state ${d.state}`)}</Tag>{destination_title(d.destination ?? '')} {item.what === 'sent' && <span class="muted">{times(Number(d.count))}</span>}</li>; })}</ul> : <p class="muted">{t('No destination serves this purpose here.')}</p>;
        await new Promise((done) => setTimeout(done, 300));
      }
      return null;
    },
  },
  {
    title: 'She withdraws', words: 'She changes her mind. A withdrawal is as easy as the yes was, and holds from this instant.',
    act: async (run) => {
      run.withdrawn = await ask(api.POST('/v1/consents', { body: { subject: run.who, purpose: run.purpose, status: 'withdrawn', method: 'guided tour' } }));
      const answer = await decide(run);
      return <div><p><Decision value={answer.decision} /></p><Reasons list={answer.reasons} /></div>;
    },
  },
  {
    title: 'It is gone', words: 'What rested on her consent alone went in the same commit: events, facts, deliveries under way. Whoever got it is told, until they confirm.',
    act: async (run) => <Seen found={await seen(run)} />,
  },
  {
    title: 'Here is the proof', words: 'Yes and no stand in the ledger. Your browser checks it itself: the path to the ledger’s head, and the signature under it. Nothing needs to be believed.',
    act: async (run) => {
      const checked: Checked[] = [];
      for (const said of [run.given, run.withdrawn]) if (said) checked.push(await prove(said.ledger.index, said.ledger.leaf_hash));
      await ask(api.POST('/v1/rights', { body: { subject: run.who, right: 'erasure' } }));
      return <><div class="grid cols-2">{checked.map((one) => <Steps key={one.index} checked={one} />)}</div><p class="small muted">{t('The tour’s customer was erased; the proofs still hold.')}</p></>;
    },
  },
];

export default function Tour() {
  const [at, set_at] = useState(-1);
  const [shown, set_shown] = useState<{ scene: number; what: ComponentChildren }[]>([]);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const [playing, set_playing] = useState(false);
  const run = useRef<Run>();
  const cast_found = cast();
  const go_on = async () => {
    const next = at + 1;
    if (busy || next >= SCENES.length) return;
    if (!run.current) {
      const id = `tour-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`;
      run.current = { ...cast_found!, id, who: `user_id:${id}`, email: `${id}@tour.example` };
    }
    set_busy(true);
    set_problem('');
    set_at(next);
    try {
      const what = await SCENES[next]!.act(run.current);
      set_shown((old) => [...old.filter((one) => one.scene !== next), { scene: next, what }]);
    } catch (cause) {
      set_problem((cause as Failure).message);
      set_playing(false);
      set_at(next - 1);
    }
    set_busy(false);
  };
  useEffect(() => {
    if (!playing) return;
    if (at >= SCENES.length - 1) {
      set_playing(false);
      return;
    }
    if (busy) return;
    const timer = setTimeout(() => void go_on(), at < 0 ? 300 : SECONDS * 1000);
    return () => clearTimeout(timer);
  }, [playing, at, busy]);
  if (!cast_found) return <Page title={t('Guided tour')}><Card><Empty title={t('The tour needs a purpose on consent, and a source that holds')}><p>{t('The policy of the demo shop has both.')}</p></Empty></Card></Page>;
  const done = at >= SCENES.length - 1 && !busy;
  const receiver = policy.value!.destinations.find((d) => d.purpose === cast_found.purpose);
  return (
    <Page title={t('Guided tour')} lead={t('Three minutes: what happens to a customer’s data, from a click to the proof. Each step is done by this server, now, with a customer made up for it.')} end={
      <>
        {!done && <button type="button" class="button first" disabled={busy} onClick={() => void go_on()}><Icon name="right" size={16} />{at < 0 ? t('Begin') : t('Go on')}</button>}
        {!done && <button type="button" class="button" aria-pressed={playing} onClick={() => set_playing(!playing)}><Icon name={playing ? 'pause' : 'play'} size={16} />{playing ? t('Pause') : t('Play by itself')}</button>}
        {done && <button type="button" class="button" onClick={() => { run.current = undefined; set_at(-1); set_shown([]); }}>{t('Once more')}</button>}
      </>}>
      <div class="tour">
        <ol class="tour-steps" aria-label={t('Scenes')}>{SCENES.map((scene, i) => <li key={scene.title} class={i < at || (done && i === at) ? 'done' : i === at ? 'now' : ''} aria-current={i === at ? 'step' : undefined}><span>{i + 1}</span>{t(scene.title)}</li>)}</ol>
        <div class="stack" aria-live="polite">
          <Way at={at} names={[source_title(cast_found.source), t('Gate'), t('Held, sealed'), t('Profile'), receiver ? destination_title(receiver.name) : t('Destination'), t('Ledger')]} />
          {playing && !done && <div class="tour-time" aria-hidden="true"><i key={`${at}${String(busy)}`} class={busy ? 'still' : ''} /></div>}
          {at < 0 && <Card><p>{t('The cast: {source}, {purpose}, and a customer who does not exist.', { source: source_title(cast_found.source), purpose: purpose_title(cast_found.purpose) })}</p></Card>}
          {problem && <p class="notice no" role="alert">{problem}</p>}
          {SCENES.map((scene, i) => i <= at && (
            <Card key={scene.title} title={`${i + 1}. ${t(scene.title)}`} class={i === at ? 'picked' : ''}>
              <div class="stack"><p class="tour-words">{t(scene.words)}</p>{shown.find((one) => one.scene === i)?.what ?? <Tag icon="clock">{t('It happens …')}</Tag>}</div>
            </Card>
          )).reverse()}
          {done && <p class="row"><a class="button" href={href('/evidence')}>{t('The ledger')}</a><a class="button" href={href('/live')}>{t('See others arrive')}</a><a class="button" href={href('/ask', { who: 'email:anna.kovacs@example.hu' })}>{t('Ask the gate')}</a></p>}
        </div>
      </div>
    </Page>
  );
}
