/* Ask the gate: may this be done with this person's data; now, or on a past day. The answer comes with what it rests on, and each of these
 * is proven in the browser. */
import { useEffect, useState } from 'preact/hooks';
import { api, ask, type Schema } from '../api';
import { day, time } from '../format';
import { category_title, policy, purpose_named, purpose_title } from '../policy';
import { reason_text } from '../reasons';
import { go, href, route } from '../route';
import { purpose_allowed } from '../session';
import { subject_of } from '../subject';
import { Icon } from '../ui/icons';
import { Card, Decision, Empty, Page, PurposeChip, Reasons, Shown, Tag } from '../ui/parts';
import { Proof } from '../ui/proof';
import { useAsked } from '../use';
import { of, t } from '../words';

type Answer = Schema<'Decision'>;
type Question = Schema<'Question'>;
const FIELDS = ['who', 'purpose', 'recipient', 'channel', 'topic', 'operation', 'at', 'known_at', 'contact'] as const;
type Form = Partial<Record<(typeof FIELDS)[number], string>> & { categories?: string };

/** The local time of a date field, as the API wants it. */
const instant = (text: string | undefined): string | undefined => (text ? new Date(text).toISOString() : undefined);

function question_of(form: Form): Question | null {
  const subject = subject_of(form.who ?? '');
  if (!subject || !form.purpose) return null;
  return {
    subject, purpose: form.purpose,
    ...(form.categories ? { categories: form.categories.split(',') } : {}), ...(form.recipient ? { recipient: form.recipient } : {}),
    ...(form.channel ? { channel: form.channel } : {}), ...(form.topic ? { topic: form.topic } : {}), ...(form.contact ? { contact: true } : {}),
    ...(form.operation ? { operation: form.operation as 'use' | 'store' } : {}),
    ...(form.at ? { at: instant(form.at) } : {}), ...(form.known_at ? { known_at: instant(form.known_at) } : {}),
  };
}

function Asking({ form }: { form: Form }) {
  const [typed, set] = useState<Form>(form);
  useEffect(() => set(form), [JSON.stringify(form)]);
  const put = (name: keyof Form) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) => set({ ...typed, [name]: event.currentTarget.value });
  const purpose = purpose_named(typed.purpose ?? '');
  const picked = new Set((typed.categories ?? '').split(',').filter(Boolean));
  const recipients = [...new Set((policy.value?.destinations ?? []).map((d) => d.recipient).filter(Boolean))];
  const channels = [...new Set([...(policy.value?.destinations ?? []).map((d) => d.channel ?? ''), 'email', 'sms', 'post', 'phone', 'push'])].filter(Boolean);
  const toggle = (name: string) => {
    if (picked.has(name)) picked.delete(name);
    else picked.add(name);
    set({ ...typed, categories: [...picked].join(',') });
  };
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); go('/ask', { ...typed }); }}>
      <div class="form-row">
        <label class="field wide">{t('Person')}<input required value={typed.who ?? ''} placeholder="anna.kovacs@example.hu" onInput={put('who')} autocomplete="off" spellcheck={false} /></label>
        <label class="field wide">{t('Purpose')}<select required value={typed.purpose ?? ''} onChange={put('purpose')}>
          <option value="" disabled>{t('choose')}</option>
          {(policy.value?.purposes ?? []).filter((p) => purpose_allowed(p.name)).map((p) => <option key={p.name} value={p.name}>{of(p.title, p.name)}</option>)}
        </select></label>
        <label class="field">{t('When')}<input type="datetime-local" value={typed.at ?? ''} onInput={put('at')} /></label>
        <button class="button first"><Icon name="ask" size={16} />{t('Ask')}</button>
      </div>
      <details open={!!(typed.recipient || typed.channel || typed.topic || typed.categories || typed.known_at || typed.operation)}>
        <summary>{t('More exactly')}</summary>
        <div class="stack more">
          <div class="form-row">
            <label class="field wide">{t('Recipient')}<select value={typed.recipient ?? ''} onChange={put('recipient')}><option value="">{t('the shop itself')}</option>{recipients.map((r) => <option key={r}>{r}</option>)}</select></label>
            <label class="field">{t('Channel')}<select value={typed.channel ?? ''} onChange={put('channel')}><option value="">{t('none')}</option>{channels.map((c) => <option key={c}>{c}</option>)}</select></label>
            <label class="field">{t('Topic')}<select value={typed.topic ?? ''} onChange={put('topic')}><option value="">{t('none')}</option>{(policy.value?.topics ?? []).map((one) => <option key={one.name} value={one.name}>{of(one.title, one.name)}</option>)}</select></label>
            <label class="field">{t('To do what')}<select value={typed.operation ?? ''} onChange={put('operation')}><option value="">{t('use')}</option><option value="store">{t('store')}</option></select></label>
            <label class="field">{t('As known on')}<input type="datetime-local" value={typed.known_at ?? ''} onInput={put('known_at')} /></label>
          </div>
          {purpose && (
            <fieldset class="picks"><legend class="small">{t('Which data (none: all that the purpose covers)')}</legend>
              {purpose.categories.map((name) => <label key={name} class="pick"><input type="checkbox" checked={picked.has(name)} onChange={() => toggle(name)} />{category_title(name)}</label>)}
            </fieldset>
          )}
        </div>
      </details>
    </form>
  );
}

function Verdict({ answer, form }: { answer: Answer; form: Form }) {
  const yes = answer.decision === 'allow';
  const entries = Object.entries(answer.categories);
  return (
    <div class="stack">
      <section class={`verdict ${yes ? 'yes' : 'no'}`} aria-live="polite">
        <span class="verdict-sign"><Icon name={yes ? 'yes' : 'no'} size={30} /></span>
        <div>
          <h2>{yes ? (form.at ? t('Yes, it was allowed.') : t('Yes, it is allowed.')) : (form.at ? t('No, it was not allowed.') : t('No, it is not allowed.'))}</h2>
          <p>{purpose_title(form.purpose ?? '')} · {answer.basis ? t(`basis ${answer.basis}`) : t('no basis')} · <a href={href('/purposes', { tab: 'policy' })}>{t('policy version {n}', { n: answer.policy_version })}</a>{form.at && ` · ${time(instant(form.at))}`}</p>
          <p class="small">{answer.allowed_from ? t('Allowed from {at}.', { at: time(answer.allowed_from) }) : answer.valid_until ? t('This answer holds until {at}.', { at: time(answer.valid_until) }) : ''}</p>
        </div>
      </section>
      <div class="grid cols-2">
        <Card title={yes ? t('What stands in the way of a part') : t('Why')}>
          {answer.reasons.length ? <Reasons list={answer.reasons} /> : <p class="muted">{t('Nothing.')}</p>}
        </Card>
        <Card title={t('Which data')} note={t('{a} of {n} allowed', { a: entries.filter(([, d]) => d === 'allow').length, n: entries.length })}>
          <ul class="row">{entries.map(([name, decision]) => <li key={name}><Tag tone={decision === 'allow' ? 'yes' : 'no'} icon={decision === 'allow' ? 'yes' : 'no'}>{category_title(name)}</Tag></li>)}</ul>
        </Card>
      </div>
      <Card title={t('What the answer rests on')} note={t('each piece is proven in this browser')}>
        {!answer.evidence.length && <Empty title={t('On nothing')}><p>{t('No signal is never a yes.')}</p></Empty>}
        <ul class="evidence">
          {answer.evidence.map((piece) => (
            <li key={piece.kind + piece.id}>
              <span><strong>{t(`evidence ${piece.kind}`)}</strong><br /><code class="small faint break">{piece.id}</code></span>
              <span>{piece.ledger_index === null ? <Tag>{t('in no ledger')}</Tag> : <Proof index={piece.ledger_index} what={piece.kind} />}</span>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}

/** The same question over the last weeks, and for every purpose: how the answer changed, and where it is another. */
function Around({ question }: { question: Question }) {
  const days = 28;
  const end = question.at ? Date.parse(question.at) : Date.now();
  const over = useAsked(() => {
    const body = Array.from({ length: days }, (_, i) => ({ ...question, at: new Date(end - (days - 1 - i) * 86_400_000).toISOString() }));
    return ask(api.POST('/v1/decide', { body })) as Promise<Answer[]>;
  }, [question, Math.floor(end / 60_000)]);
  const names = (policy.value?.purposes ?? []).map((p) => p.name).filter(purpose_allowed);
  const others = useAsked(() => ask(api.POST('/v1/decide', { body: names.map((purpose) => ({ subject: question.subject, purpose, ...(question.at ? { at: question.at } : {}) })) })) as Promise<Answer[]>, [question.subject, question.at, names]);
  return (
    <div class="grid cols-2">
      <Card title={t('The four weeks before')} note={t('the same question, day by day')}>
        <Shown asked={over}>{(list) => (
          <ol class="days">{list.map((answer, i) => {
            const at = end - (days - 1 - i) * 86_400_000;
            const text = `${day(at)}: ${answer.decision === 'allow' ? t('allowed') : t('denied')}${answer.reasons[0] ? `. ${reason_text(answer.reasons[0])}` : ''}`;
            return <li key={i} class={answer.decision}><a href={href('/ask', { ...route.value.query, at: new Date(at - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16) })} title={text}><span class="hidden-text">{text}</span></a></li>;
          })}</ol>
        )}</Shown>
      </Card>
      <Card title={t('Every purpose, for this person')} note={t('all data that it covers, used by the shop itself')} flush>
        <Shown asked={others}>{(list) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Every purpose, for this person')}><table><thead><tr><th>{t('Purpose')}</th><th>{t('Answer')}</th><th>{t('Why')}</th></tr></thead><tbody>
            {list.map((answer, i) => <tr key={names[i]}><td><a href={href('/ask', { ...route.value.query, purpose: names[i] })} class="quiet-link"><PurposeChip name={names[i]!} plain /></a></td><td><Decision value={answer.decision} /></td><td class="small muted">{answer.reasons.map((r) => reason_text(r)).join(' ')}</td></tr>)}
          </tbody></table></div>
        )}</Shown>
      </Card>
    </div>
  );
}

export default function Ask() {
  const form = route.value.query as Form;
  const question = question_of(form);
  const answer = useAsked(question ? () => ask(api.POST('/v1/decide', { body: question })) as Promise<Answer> : null, [question]);
  return (
    <Page title={t('Ask the gate')} lead={t('May this be done with this person’s data? The gate answers as it answers every system: with its reasons, and with what they rest on.')}>
      <div class="stack">
        <Card><Asking form={form} /></Card>
        {question ? <><Shown asked={answer}>{(data) => <Verdict answer={data} form={form} />}</Shown><Around question={question} /></> : (
          <Card><Empty title={t('Ask about a person and a purpose')}><p>{t('With a time in the past you learn whether something was lawful then: “was it lawful on 1 March?”')}</p></Empty></Card>
        )}
      </div>
    </Page>
  );
}
