/* Requests of persons: the work list by deadline, each with its steps, what was done, who was told; opening one, and closing it. */
import { useState } from 'preact/hooks';
import { api, ask, text, type Failure, type Schema } from '../api';
import { day, number, time } from '../format';
import { destination_title, policy, purpose_title } from '../policy';
import { go, href, route, set } from '../route';
import { may } from '../session';
import { subject_of } from '../subject';
import { Icon } from '../ui/icons';
import { Card, Dialog, Empty, Page, PurposeChip, Shown, Tag, type Tone } from '../ui/parts';
import { Proof } from '../ui/proof';
import { useAsked } from '../use';
import { t } from '../words';
import { save, save_blob } from '../save';

type Right = Schema<'Right'>;
const RIGHTS = ['access', 'portability', 'rectification', 'erasure', 'restriction', 'restriction_lifted', 'objection', 'objection_lifted', 'withdrawal', 'human_review'] as const;
const STATES = ['open', 'received', 'verifying', 'in_progress', 'completed', 'refused', 'withdrawn', 'expired', 'no_match'] as const;
/** The grounds on which a request may be refused, each with its law (src/model/rights.h; a test compares). */
const REFUSALS: Record<string, [string, string]> = {
  identity_failure: ['It is not certain who asks', 'GDPR Art. 12(2), 12(6)'],
  identity_required: ['The person did not confirm who it is', 'GDPR Art. 12(6)'],
  manifestly_unfounded: ['The request is manifestly unfounded', 'GDPR Art. 12(5)(b)'],
  excessive: ['The request is excessive, as by its repetition', 'GDPR Art. 12(5)(b)'],
  freedom_of_expression: ['Freedom of expression and information', 'GDPR Art. 17(3)(a)'],
  legally_required: ['The law demands that the data is kept', 'GDPR Art. 17(3)(b)'],
  official_authority: ['It is needed for a public task', 'GDPR Art. 17(3)(b)'],
  public_health: ['Public health', 'GDPR Art. 17(3)(c)'],
  archiving: ['Archiving, research or statistics', 'GDPR Art. 17(3)(d)'],
  legal_claims: ['Legal claims', 'GDPR Art. 17(3)(e), 18(2), 21(1)'],
  not_covered: ['The right does not reach this processing', 'GDPR Art. 15–22: the right does not reach this processing'],
};
const ERASED: Record<string, string> = {
  facts: 'facts', events: 'events', held_messages: 'held messages', deliveries: 'deliveries', identifiers: 'identifiers', statements: 'statements', preferences: 'wishes', keys: 'keys',
};
const article = (number: string): string => (number ? t('Art. {n}', { n: number }) : '');
const OPEN = new Set(['received', 'verifying', 'in_progress']);
const state_tone = (one: Right): Tone => (one.overdue ? 'no' : one.state === 'completed' ? 'yes' : OPEN.has(one.state) ? ((one.days_left ?? 99) <= 10 ? 'trim' : 'held') : 'quiet');

function Deadline({ one }: { one: Right }) {
  if (!OPEN.has(one.state)) return <span class="faint">{one.done_at ? t('closed {at}', { at: day(one.done_at) }) : '–'}</span>;
  const left = one.days_left ?? 0;
  const share = Math.max(0, Math.min(1, 1 - left / 30));
  return (
    <span class="deadline"><span class="bar" aria-hidden="true"><i class={one.overdue ? 'no' : left <= 10 ? 'trim' : 'yes'} style={{ width: `${share * 100}%` }} /></span>
      <span class="small">{one.overdue ? t('overdue since {at}', { at: day(one.due_at) }) : t('{n} days left', { n: left })}{one.extended ? ` · ${t('extended')}` : ''}</span></span>
  );
}

function List() {
  const { state = 'open', who, cursor } = route.value.query;
  const query = { ...(who ? { subject: who } : state ? { state: state as (typeof STATES)[number] } : {}), limit: 100, cursor };
  const asked = useAsked(() => ask(may('privacy') ? api.GET('/v1/rights', { params: { query } }) : api.GET('/v1/audit/rights', { params: { query: { state: state as (typeof STATES)[number], limit: 100, cursor } } })), [state, who, cursor], 10_000);
  return (
    <Card flush title={t('Requests')} note={who ? <><span class="mono">{who}</span> <a href={href('/rights')}>{t('everybody')}</a></> : t('by state')} end={
      <select aria-label={t('State')} value={state} onChange={(e) => set({ state: e.currentTarget.value === 'open' ? null : e.currentTarget.value, cursor: null }, true)}>{STATES.map((one) => <option key={one} value={one}>{t(`state ${one}`)}</option>)}</select>}>
      <Shown asked={asked} empty={(data) => !data.requests.length && <Empty title={t('No request')}><p>{state === 'open' ? t('Nobody waits for an answer.') : t('None is in this state.')}</p></Empty>}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Requests')}>
            <table>
              <thead><tr><th>{t('Right')}</th><th>{t('State')}</th><th>{t('Received')}</th><th>{t('Deadline')}</th><th>{t('Purpose')}</th><th>{t('By')}</th></tr></thead>
              <tbody>
                {[...data.requests].sort((a, b) => a.due_at.localeCompare(b.due_at)).map((one) => (
                  <tr key={one.id} class="pick" onClick={() => set({ id: one.id })}>
                    <td><button type="button" class="as-text" onClick={() => set({ id: one.id })}><strong>{t(`right ${one.right}`)}</strong></button> <span class="faint small">{article(one.article)}</span></td>
                    <td><Tag tone={state_tone(one as Right)}>{t(`state ${one.state}`)}</Tag></td><td class="nowrap">{day(one.opened_at)}</td><td><Deadline one={one as Right} /></td>
                    <td>{one.purpose ? <PurposeChip name={one.purpose} /> : '–'}</td><td>{t(`came ${one.channel}`)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            {data.next && <div class="pad row"><button type="button" class="button" onClick={() => set({ cursor: data.next })}>{t('Older')}</button></div>}
          </div>
        )}
      </Shown>
    </Card>
  );
}

function Steps({ one }: { one: Right }) {
  const steps = one.steps;
  return (
    <ol class="journey">
      {steps.map((step, i) => (
        <li key={i}><span class="dot yes" /><div><strong>{t(`step ${step.step}`)}</strong> <span class="faint small">{time(step.at)}</span>
          <p><Proof index={step.ledger_index} what={step.step} /></p></div></li>
      ))}
    </ol>
  );
}

function Detail({ id, close }: { id: string; close: () => void }) {
  const asked = useAsked(() => ask(api.GET('/v1/rights/{id}', { params: { path: { id } } })), [id], 6000);
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const [asking, set_asking] = useState<'extend' | 'refuse' | 'fulfil' | 'upheld' | 'overridden'>();
  const [words, set_words] = useState('');
  const path = { params: { path: { id } } };
  const act = (what: Promise<unknown>, done: string) => what.then(() => { set_said({ text: done }); set_asking(undefined); set_words(''); asked.again(); }, (cause: Failure) => set_said({ text: cause.message, bad: true }));
  const send = (event: Event) => {
    event.preventDefault();
    if (asking === 'extend') void act(ask(api.POST('/v1/rights/{id}/extend', { ...path, body: { reason: words } })), t('Two further months.'));
    if (asking === 'refuse') void act(ask(api.POST('/v1/rights/{id}/refuse', { ...path, body: { code: words || 'manifestly_unfounded' } })), t('Refused.'));
    if (asking === 'fulfil') void act(ask(api.POST('/v1/rights/{id}/fulfil', { ...path, body: words ? { answer: words } : {} })), t('Done; the certificate is ready.'));
    if (asking === 'upheld' || asking === 'overridden') void act(ask(api.POST('/v1/rights/{id}/decide', { ...path, body: { decision: asking, answer: words } })), t('Decided.'));
  };
  const copy = async () => {
    const reply = await fetch(`/v1/rights/${id}/export`, { credentials: 'same-origin' });
    if (!reply.ok) return set_said({ text: t('The copy cannot be made.'), bad: true });
    save_blob(`copy-${id}.zip`, await reply.blob());
  };
  const certificate = () => text(`/v1/rights/${id}/certificate`).then((body) => save(`certificate-${id}.json`, body, 'application/ld+json'), (cause: Failure) => set_said({ text: cause.message, bad: true }));
  const verify = () => ask(api.POST('/v1/rights/{id}/verify', { ...path, body: {} })).then((link) => set_said({ text: `${t('Send this link to the person:')} ${link.url}` }), (cause: Failure) => set_said({ text: cause.message, bad: true }));
  const PROMPTS = { extend: t('Why two further months are needed'), refuse: t('Which law allows the refusal'), fulfil: t('Answer to the person (may be empty)'), upheld: t('Answer to the person'), overridden: t('The compelling grounds') };
  return (
    <Dialog drawer title={t('Request')} close={close}>
      <Shown asked={asked}>
        {(one) => {
          const open = OPEN.has(one.state);
          const kept = one.kept ?? [];
          return (
            <div class="stack">
              <div class="row"><h3>{t(`right ${one.right}`)}</h3><span class="faint">{article(one.article)}</span><Tag tone={state_tone(one)}>{t(`state ${one.state}`)}</Tag></div>
              <dl class="pairs">
                <dt>{t('Received')}</dt><dd>{time(one.opened_at)}</dd><dt>{t('Deadline')}</dt><dd>{time(one.due_at)} <Deadline one={one} /></dd>
                {one.purpose && <><dt>{t('Purpose')}</dt><dd><PurposeChip name={one.purpose} /></dd></>}
                {(['subject', 'text', 'reference', 'answer', 'extension'] as const).map((key) => { const said_so = one[key]; return said_so ? <><dt>{t(`request ${key}`)}</dt><dd class="break">{said_so}</dd></> : null; })}
                {one.identity && <><dt>{t('Identity')}</dt><dd>{t(`identity ${one.identity}`)}</dd></>}
                {one.refusal && <><dt>{t('Refused by')}</dt><dd>{one.refusal.law}</dd></>}
              </dl>
              {said && <p class={`notice ${said.bad ? 'no' : ''} break`} role="status">{said.text}</p>}
              {open && may('privacy') && !asking && (
                <div class="row">
                  {one.state !== 'in_progress' && <button type="button" class="button" onClick={() => void verify()}>{t('Make a link to confirm')}</button>}
                  {one.state !== 'in_progress' && <button type="button" class="button" onClick={() => void act(ask(api.POST('/v1/rights/{id}/confirm', { ...path, body: {} })), t('The identity is confirmed.'))}>{t('I know who it is')}</button>}
                  {one.right === 'objection' ? <><button type="button" class="button first" onClick={() => set_asking('upheld')}>{t('Uphold')}</button><button type="button" class="button" onClick={() => set_asking('overridden')}>{t('Override')}</button></> : <button type="button" class="button first" onClick={() => set_asking('fulfil')}>{t('Fulfil')}</button>}
                  {!one.extended && <button type="button" class="button" onClick={() => set_asking('extend')}>{t('Extend')}</button>}
                  <button type="button" class="button danger" onClick={() => set_asking('refuse')}>{t('Refuse')}</button>
                  <button type="button" class="button" onClick={() => void act(ask(api.POST('/v1/rights/{id}/withdraw', { ...path, body: {} })), t('Taken back.'))}>{t('Taken back')}</button>
                </div>
              )}
              {asking && (
                <form class="stack plain-form" onSubmit={send}>
                  <label class="field">{PROMPTS[asking]}{asking === 'refuse' ? <select value={words || 'manifestly_unfounded'} onChange={(e) => set_words(e.currentTarget.value)}>{Object.entries(REFUSALS).map(([code, [why, law]]) => <option key={code} value={code}>{t(why)}{code === 'not_covered' ? '' : ` · ${law.replace('GDPR ', '')}`}</option>)}</select> : <textarea rows={3} required={asking !== 'fulfil'} value={words} onInput={(e) => set_words(e.currentTarget.value)} />}</label>
                  <div class="row"><button class="button first">{t('Do it')}</button><button type="button" class="button" onClick={() => set_asking(undefined)}>{t('Cancel')}</button></div>
                </form>
              )}
              {may('privacy') && <div class="row">
                {(one.right === 'access' || one.right === 'portability') && one.state === 'completed' && <button type="button" class="button" onClick={() => void copy()}><Icon name="down" size={16} />{t('The copy (ZIP)')}</button>}
                {!open && <button type="button" class="button" onClick={() => void certificate()}><Icon name="evidence" size={16} />{t('Certificate')}</button>}
              </div>}
              {one.erased && <div><h3>{t('Erased')}</h3><p class="row">{Object.entries(one.erased).filter(([, n]) => n > 0).map(([what, n]) => <Tag key={what}>{t(ERASED[what] ?? what)}: {number(n)}</Tag>)}</p></div>}
              {kept.length > 0 && <div><h3>{t('Kept, because the law says so')}</h3><ul class="stack tight">{kept.map((k) => <li key={k.purpose}><PurposeChip name={k.purpose} /> <span class="small muted">{k.law || t(`basis ${k.basis}`)} · {t('until {at}', { at: k.until ? day(k.until) : '–' })}</span></li>)}</ul></div>}
              {(one.recipients ?? []).length > 0 && <div><h3>{t('Recipients that were told')}</h3><ul class="stack tight">{one.recipients.map((r) => <li key={r.destination} class="row between"><span>{r.recipient}<br /><span class="faint small">{destination_title(r.destination)}{r.at ? ` · ${time(r.at)}` : ''}</span></span><Tag tone={r.state === 'confirmed' ? 'yes' : r.state === 'waiting' ? 'held' : 'trim'}>{t(`told ${r.state}`)}</Tag></li>)}</ul></div>}
              <h3>{t('Steps')}</h3>
              <Steps one={one} />
            </div>
          );
        }}
      </Shown>
    </Dialog>
  );
}

function OpenOne({ who, close }: { who: string; close: () => void }) {
  const [subject, set_subject] = useState(who);
  const [right, set_right] = useState<(typeof RIGHTS)[number]>('access');
  const [purpose, set_purpose] = useState('');
  const [words, set_words] = useState('');
  const [reference, set_reference] = useState('');
  const [now, set_now] = useState(false);
  const [problem, set_problem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    const found = subject_of(subject);
    if (!found) return set_problem(t('Write an e-mail address, a phone number, or type:value, as in loyalty_id:DB10000000.'));
    try {
      const done = await ask(api.POST('/v1/rights', { body: { subject: found, right, ...(purpose ? { purpose } : {}), ...(words ? { text: words } : {}), ...(reference ? { reference } : {}), ...(now && may('privacy') ? {} : { open: true }) } }));
      go('/rights', { id: done.id });
    } catch (cause) {
      set_problem((cause as Failure).message);
    }
  };
  return (
    <Dialog title={t('A person exercises a right')} close={close}>
      <form class="plain-form" onSubmit={(e) => void submit(e)}>
        <label class="field">{t('Person')}<input required value={subject} onInput={(e) => set_subject(e.currentTarget.value)} /></label>
        <div class="form-row">
          <label class="field">{t('Right')}<select value={right} onChange={(e) => set_right(e.currentTarget.value as (typeof RIGHTS)[number])}>{RIGHTS.map((one) => <option key={one} value={one}>{t(`right ${one}`)}</option>)}</select></label>
          <label class="field">{t('Purpose')}<select value={purpose} onChange={(e) => set_purpose(e.currentTarget.value)}><option value="">{t('all')}</option>{(policy.value?.purposes ?? []).map((p) => <option key={p.name} value={p.name}>{purpose_title(p.name)}</option>)}</select></label>
        </div>
        <label class="field">{t('What the person wrote')}<textarea rows={3} value={words} onInput={(e) => set_words(e.currentTarget.value)} /></label>
        <label class="field">{t('Reference')}<input value={reference} onInput={(e) => set_reference(e.currentTarget.value)} /></label>
        {may('privacy') && <label class="pick"><input type="checkbox" checked={now} onChange={(e) => set_now(e.currentTarget.checked)} />{t('I know who it is: do it at once')}</label>}
        {problem && <p class="notice no" role="alert">{problem}</p>}
        <div class="row"><button class="button first">{now ? t('Do it') : t('Open the request')}</button><button type="button" class="button" onClick={close}>{t('Cancel')}</button></div>
      </form>
    </Dialog>
  );
}

export default function RightsPage() {
  const { id, open, who } = route.value.query;
  return (
    <Page title={t('Rights')} lead={t('What persons ask for under the GDPR, Articles 15 to 22: one month to answer, each step recorded, a certificate at the end.')} end={may('state') && <button type="button" class="button first" onClick={() => set({ open: 1 })}><Icon name="plus" size={16} />{t('New request')}</button>}>
      <List />
      {id && may('state') && <Detail id={id} close={() => set({ id: null }, true)} />}
      {open && may('state') && <OpenOne who={who ?? ''} close={() => set({ open: null }, true)} />}
    </Page>
  );
}
