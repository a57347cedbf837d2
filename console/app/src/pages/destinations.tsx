/* Where data goes: health, lag, retries, dead letters, replay; each delivery with its state; the recalls and who confirmed them. */
import { useState } from 'preact/hooks';
import { api, ask, type Failure } from '../api';
import { ago, number, time } from '../format';
import { category_title, destination_title, policy } from '../policy';
import { sending_text } from '../sending';
import { href, route, set } from '../route';
import { may, purpose_allowed } from '../session';
import { Icon } from '../ui/icons';
import { Bar, Card, Empty, Page, PurposeChip, Shown, Tag, type Tone } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';
import { lamp, type Destination } from './home';

export const state_tone = (state: string): Tone => (state === 'ready' || state === 'delivered' ? 'yes' : state === 'paused' || state === 'retrying' || state === 'backing_off' ? 'trim' : state === 'pending' ? 'held' : state === 'cancelled' ? 'quiet' : 'no');
const STATES = ['pending', 'delivered', 'dead', 'cancelled'] as const;

function One({ d, act, open }: { d: Destination; act: (what: Promise<unknown>, done: string) => void; open: boolean }) {
  const declared = policy.value?.destinations.find((one) => one.name === d.name);
  const path = { params: { path: { name: d.name } } };
  return (
    <Card class={open ? 'picked' : ''} title={<a href={href('/destinations', { name: d.name })}>{destination_title(d.name)}</a>} note={`${d.kind} · ${t('counted since the server started')}`} end={<Tag tone={lamp(d)} icon={lamp(d) === 'yes' ? 'yes' : 'alert'}>{d.state === 'ready' && d.dead_letters ? t('letters are lost') : t(`state ${d.state}`)}</Tag>}>
      <div class="stack tight">
        <p class="row tight-gap"><PurposeChip name={d.purpose ?? declared?.purpose ?? ''} /><span class="small muted">{declared?.recipient}</span></p>
        <div class="row figures">
          <span><b>{number(d.delivered ?? 0)}</b> {t('sent')}</span><span><b>{number(d.backlog ?? 0)}</b> {t('waiting')}</span><span><b>{number(d.retries ?? 0)}</b> {t('retries')}</span><span class={d.dead_letters ? 'bad' : ''}><b>{number(d.dead_letters ?? 0)}</b> {t('dead')}</span><span><b>{number(d.cancelled ?? 0)}</b> {t('cancelled')}</span>
        </div>
        <Bar label={t('Deliveries')} parts={[{ value: d.delivered ?? 0, tone: 'yes', title: t('sent') }, { value: d.backlog ?? 0, tone: 'held', title: t('waiting') }, { value: d.dead_letters ?? 0, tone: 'no', title: t('dead') }, { value: d.cancelled ?? 0, tone: 'quiet', title: t('cancelled by the gate') }]} />
        <p class="small muted">{d.last_success ? t('last went through {ago}', { ago: ago(d.last_success) }) : t('nothing went through yet')}{d.oldest && (d.backlog ?? 0) > 0 ? ` · ${t('oldest waits since {ago}', { ago: ago(d.oldest) })}` : ''}{d.next_retry && Date.parse(d.next_retry) > Date.now() ? ` · ${t('next try {ago}', { ago: ago(d.next_retry) })}` : ''}</p>
        {d.last_error && <p class="small notice no break">{sending_text(d.last_error)}</p>}
        <p class="small faint">{t('Gets')}: {(declared?.categories ?? []).map(category_title).join(', ') || '–'}</p>
        {may('admin') && (
          <div class="row">
            {d.state === 'paused'
              ? <button type="button" class="button" onClick={() => act(ask(api.POST('/v1/destinations/{name}/resume', path)), t('{name} goes on.', { name: destination_title(d.name) }))}><Icon name="play" size={15} />{t('Go on')}</button>
              : <button type="button" class="button" onClick={() => act(ask(api.POST('/v1/destinations/{name}/pause', path)), t('{name} is paused; what is due waits.', { name: destination_title(d.name) }))}><Icon name="pause" size={15} />{t('Pause')}</button>}
            {(d.dead_letters ?? 0) > 0 && <button type="button" class="button" onClick={() => act(ask(api.POST('/v1/destinations/{name}/replay', { ...path, body: {} })), t('Dead letters are tried again, through the gate.'))}><Icon name="undo" size={15} />{t('Replay {n} dead letters', { n: number(d.dead_letters!) })}</button>}
          </div>
        )}
      </div>
    </Card>
  );
}

function Deliveries({ act }: { act: (what: Promise<unknown>, done: string) => void }) {
  const { name, state, cursor, kind } = route.value.query;
  const asked = useAsked(() => ask(api.GET('/v1/deliveries', { params: { query: { destination: name, state: state as (typeof STATES)[number] | undefined, limit: 40, cursor } } })), [name, state, cursor], cursor ? 0 : 4000);
  return (
    <Card flush title={t('Deliveries')} note={t('a delivery names its person by number only; the way to the person is the gate’s')}>
      <div class="form-row pad">
        <label class="field">{t('Destination')}<select value={name ?? ''} onChange={(e) => set({ name: e.currentTarget.value, cursor: null }, true)}><option value="">{t('all')}</option>{(policy.value?.destinations ?? []).map((d) => <option key={d.name} value={d.name}>{destination_title(d.name)}</option>)}</select></label>
        <label class="field">{t('State')}<select value={state ?? ''} onChange={(e) => set({ state: e.currentTarget.value, cursor: null }, true)}><option value="">{t('all')}</option>{STATES.map((one) => <option key={one} value={one}>{t(`state ${one}`)}</option>)}</select></label>
        <label class="field">{t('What')}<select value={kind ?? ''} onChange={(e) => set({ kind: e.currentTarget.value }, true)}><option value="">{t('all')}</option>{['event', 'profile', 'recall'].map((one) => <option key={one} value={one}>{t(`delivery ${one}`)}</option>)}</select></label>
      </div>
      <Shown asked={asked} empty={(data) => !data.deliveries.length && <Empty title={t('No delivery')}><p>{t('Nothing was sent with this state.')}</p></Empty>}>
        {(data) => (
          <>
            <div class="scroll" tabIndex={0} role="group" aria-label={t('Deliveries')}>
              <table>
                <thead><tr><th>{t('Queued')}</th><th>{t('To')}</th><th>{t('Purpose')}</th><th>{t('What')}</th><th>{t('Person')}</th><th>{t('State')}</th><th class="num">{t('Attempts')}</th><th>{t('Why')}</th><th><span class="hidden-text">{t('Do')}</span></th></tr></thead>
                <tbody>
                  {data.deliveries.filter((d) => !kind || d.kind === kind).map((d) => (
                    <tr key={d.id}>
                      <td class="nowrap">{time(d.queued_at)}</td><td class="nowrap">{destination_title(d.destination)}</td><td><PurposeChip name={d.purpose} /></td>
                      <td>{d.kind === 'recall' ? <Tag tone="trim" icon="undo">{t('delivery recall')}</Tag> : t(`delivery ${d.kind}`)}</td>
                      <td>{d.profile && may('people') && purpose_allowed(d.purpose) ? <a class="nowrap" title={t('The person, seen through {purpose}; the look is recorded', { purpose: d.purpose })} href={href('/profiles', { who: `profile:${d.profile}`, for: d.purpose })}><Icon name="person" size={14} /> …{d.profile.slice(-6)}</a> : <span class="faint">–</span>}</td>
                      <td><Tag tone={state_tone(d.state)}>{d.kind === 'recall' && d.state === 'delivered' ? t('confirmed') : t(`state ${d.state}`)}</Tag></td><td class="num">{d.attempts}</td>
                      <td class="small muted break">{d.reason ? sending_text(d.reason) : d.next_at && d.state === 'pending' && Date.parse(d.next_at) > Date.now() ? t('next try {ago}', { ago: ago(d.next_at) }) : ''}</td>
                      <td>{d.state === 'dead' && may('admin') && <button type="button" class="button plain" onClick={() => act(ask(api.POST('/v1/deliveries/{id}/retry', { params: { path: { id: d.id } } })), t('It is tried again, through the gate.'))}>{t('Retry')}</button>}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <div class="row between pad">{cursor ? <button type="button" class="button plain" onClick={() => set({ cursor: null })}>{t('Newest')}</button> : <span />}{data.next && <button type="button" class="button" onClick={() => set({ cursor: data.next })}>{t('Older')}</button>}</div>
          </>
        )}
      </Shown>
    </Card>
  );
}

export default function Destinations() {
  const { name } = route.value.query;
  const asked = useAsked(() => ask(api.GET('/v1/destinations')), [], 4000);
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const act = (what: Promise<unknown>, done: string) => {
    what.then(() => { set_said({ text: done }); asked.again(); }, (cause: Failure) => set_said({ text: cause.message, bad: true }));
  };
  return (
    <Page title={t('Destinations')} lead={t('Who gets data, for which purpose, and how that goes. The gate is asked again before each delivery; who got something that was withdrawn is told, until they confirm.')}>
      <div class="stack">
        {said && <p class={`notice ${said.bad ? 'no' : ''}`} role="status">{said.text}</p>}
        <Shown asked={asked} empty={(data) => !data.destinations.length && <Card><Empty title={t('No destination yet')}><p>{t('Declare one in the policy, under `destinations`.')}</p></Empty></Card>}>
          {(data) => <div class="grid cols-2">{data.destinations.filter((d) => !name || d.name === name).map((d) => <One key={d.name} d={d} act={act} open={d.name === name} />)}</div>}
        </Shown>
        {name && <p><a href={href('/destinations')}>{t('All destinations')}</a></p>}
        {may('deliveries') && <Deliveries act={act} />}
      </div>
    </Page>
  );
}
