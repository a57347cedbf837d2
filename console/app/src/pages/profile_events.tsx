/* What a person did, what was sent of her, and everything that happened with her data. */
import { useState } from 'preact/hooks';
import { api, ask, type Schema } from '../api';
import { clock, day, time, times, value_text } from '../format';
import { destination_title, source_title } from '../policy';
import { sending_text } from '../sending';
import { session } from '../session';
import { Icon, type IconName } from '../ui/icons';
import { Card, Dialog, Empty, PurposeChip, Shown, Tag, type Tone } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';
import type { Profile } from './profiles';

export type SeenEvent = Profile['events'][number];

export const event_title = (event: SeenEvent): string => event.event ?? event.name ?? event.type;

export function event_what(event: SeenEvent): string {
  const pairs = Object.entries(event.properties ?? event.traits ?? {}).filter(([, value]) => typeof value !== 'object');
  return pairs.slice(0, 4).map(([name, value]) => `${name}: ${value_text(value)}`).join(' · ');
}

export function Events({ profile }: { profile: Profile }) {
  const [shown, set_shown] = useState<SeenEvent>();
  const events = profile.events;
  if (!events.length) return <Card><Empty title={t('No event may be seen for this purpose')}><p>{t('Choose another purpose above, or look at what is withheld.')}</p></Empty></Card>;
  return (
    <Card title={t('Events')} note={t('as {purpose} may see them, newest first', { purpose: profile.purpose })} flush>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('Events')}>
        <table>
          <thead><tr><th>{t('When')}</th><th>{t('Event')}</th><th>{t('What')}</th><th>{t('From')}</th></tr></thead>
          <tbody>
            {events.map((event) => (
              <tr key={event.id} class="pick" onClick={() => set_shown(event)}>
                <td class="nowrap">{day(event.at)} <span class="faint">{clock(event.at)}</span></td>
                <td><button type="button" class="as-text" onClick={() => set_shown(event)}><strong>{event_title(event)}</strong></button> <span class="faint small">{event.type}</span></td>
                <td class="muted break">{event_what(event)}</td>
                <td class="nowrap">{source_title(event.source)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown && (
        <Dialog drawer title={event_title(shown)} close={() => set_shown(undefined)}>
          <dl class="pairs">
            <dt>{t('Happened')}</dt><dd>{time(shown.at)}</dd><dt>{t('Arrived')}</dt><dd>{time(shown.received_at)}</dd><dt>{t('From')}</dt><dd>{source_title(shown.source)}</dd>
            <dt>{t('Seen for')}</dt><dd><PurposeChip name={profile.purpose} /></dd>
          </dl>
          <p class="small muted">{t('Only what this purpose covers is here; the rest of the message is withheld or was never kept.')}</p>
          <pre class="json" tabIndex={0}>{JSON.stringify({ properties: shown.properties, traits: shown.traits, context: shown.context }, null, 2)}</pre>
        </Dialog>
      )}
    </Card>
  );
}

type Item = Schema<'Timeline'>['items'][number];
const SIGNS: Record<string, [IconName, Tone]> = {
  collected: ['live', 'quiet'], said: ['consent', 'yes'], merged: ['link', 'held'], undone: ['undo', 'trim'], delivery: ['send', 'quiet'], sent: ['send', 'yes'],
  read: ['person', 'quiet'], erased: ['no', 'no'], held: ['clock', 'held'], created: ['plus', 'quiet'],
};

const reader = (detail: Record<string, unknown>): string => (detail.token === null ? t('this server') : detail.token === session.value?.id ? t('you') : String(detail.by ?? ''));

function item_text(item: Item): string {
  const detail = item.detail as Record<string, unknown>;
  const word = (name: string) => String(detail[name] ?? '');
  switch (item.what) {
    case 'collected': return `${word('event') || word('name') || word('type')} · ${source_title(word('source'))}`;
    case 'said': return `${t(`said ${word('status')}`)} · ${word('purpose')} · ${source_title(word('source'))}`;
    case 'delivery': return `${destination_title(word('destination'))} · ${t(`delivery ${word('kind')}`)} · ${t(`state ${word('state')}`)}${word('reason') ? ` · ${sending_text(word('reason'))}` : ''}`;
    case 'sent': return `${destination_title(word('destination'))} · ${times(Number(word('count')))}`;
    case 'read': return [reader(detail), t(`read ${word('what')}`), word('purpose')].filter(Boolean).join(' · ');
    case 'merged':
    case 'undone': return `${t(`merge ${word('reason')}`)} · ${source_title(word('source'))}`;
    case 'held': return `${source_title(word('source'))} · ${t('until {at}', { at: time(word('until')) })}`;
    case 'created':
    case 'erased': return t('profile …{id}', { id: word('id').slice(-6) });
    default: return Object.entries(detail).filter(([, value]) => typeof value !== 'object').slice(0, 3).map(([name, value]) => `${name}: ${String(value)}`).join(' · ');
  }
}

function useTimeline(who: string, through: string) {
  return useAsked(() => ask(api.GET('/v1/profiles/{subject}/timeline', { params: { path: { subject: who }, query: { purpose: through, limit: 200 } } })), [who, through]);
}

export function History({ who, through }: { who: string; through: string }) {
  const timeline = useTimeline(who, through);
  const [only, set_only] = useState('');
  return (
    <Card title={t('Everything that happened with this data')} note={t('newest first; reads of staff, too')} flush>
      <Shown asked={timeline} empty={(data) => !data.items.length && <Empty title={t('Nothing yet')} />}>
        {(data) => {
          const kinds = [...new Set(data.items.map((item) => item.what))];
          return (
            <>
              <div class="row pad" role="group" aria-label={t('Show only')}>
                {['', ...kinds].map((kind) => <button key={kind} type="button" class="button plain" aria-pressed={kind === only} onClick={() => set_only(kind)}>{kind ? t(`item ${kind}`) : t('All')}</button>)}
              </div>
              <ol class="history">
                {data.items.filter((item) => !only || item.what === only).map((item, i) => {
                  const [icon, tone] = SIGNS[item.what] ?? ['empty', 'quiet'];
                  return (
                    <li key={i}>
                      <span class="faint small nowrap">{day(item.at)} {clock(item.at)}</span>
                      <Tag tone={tone} icon={icon}>{t(`item ${item.what}`)}</Tag>
                      <span class="break">{item_text(item)}</span>
                    </li>
                  );
                })}
              </ol>
            </>
          );
        }}
      </Shown>
    </Card>
  );
}

export function Deliveries({ who, through }: { who: string; through: string }) {
  const timeline = useTimeline(who, through);
  return (
    <Card title={t('What was sent, and to whom')} flush>
      <Shown asked={timeline} empty={(data) => !data.items.some((i) => i.what === 'delivery' || i.what === 'sent') && <Empty title={t('Nothing was sent')}><p>{t('No destination has got anything of this person for the purposes that you may see.')}</p></Empty>}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Deliveries')}>
            <table>
              <thead><tr><th>{t('When')}</th><th>{t('To')}</th><th>{t('Purpose')}</th><th>{t('What')}</th><th>{t('State')}</th></tr></thead>
              <tbody>
                {data.items.filter((item) => item.what === 'delivery' || item.what === 'sent').map((item, i) => {
                  const d = item.detail as Record<string, string>;
                  return (
                    <tr key={i}>
                      <td class="nowrap">{time(item.at)}</td><td>{destination_title(d.destination ?? '')}</td><td><PurposeChip name={d.purpose ?? ''} /></td><td>{item.what === 'sent' ? times(Number(d.count)) : t(`delivery ${d.kind}`)}</td>
                      <td><Tag tone={item.what === 'sent' || d.state === 'delivered' ? 'yes' : d.state === 'dead' ? 'no' : d.state === 'pending' ? 'held' : 'quiet'}>{item.what === 'sent' ? t('sent') : t(`state ${d.state}`)}</Tag> {d.reason && <span class="small muted">{sending_text(d.reason)}</span>}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
      <p class="pad small faint row"><Icon name="send" size={14} />{t('Whoever got something that is withdrawn later is told, until they confirm: those are the recalls.')}</p>
    </Card>
  );
}
