/* The person on one screen: who, what is known and from where, what she said, how she wants to be treated, what she did last. */
import { day, time, value_text } from '../format';
import { category_title, destination_title, policy, source_title } from '../policy';
import { reason_remedy, reason_text } from '../reasons';
import { href, route } from '../route';
import { Icon } from '../ui/icons';
import { Card, Empty, PurposeChip, Purposes, Tag, type Tone } from '../ui/parts';
import { t } from '../words';
import { event_title, event_what } from './profile_events';
import type { Profile } from './profiles';

export function status_tone(status: string): Tone {
  if (['given', 'renewed', 'opened', 'invoked', 'informed', 'objection_lifted', 'unrestricted', 'standing'].includes(status)) return 'yes';
  if (['refused', 'withdrawn', 'ended', 'objected', 'opted_out', 'restricted', 'expired'].includes(status)) return 'no';
  return 'quiet';
}

function Facts({ profile }: { profile: Profile }) {
  if (!profile.facts.length) return <Empty title={t('No fact may be seen for this purpose')} />;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('What is known')}>
      <table class="facts">
        <thead><tr><th>{t('What')}</th><th>{t('Value, and where it comes from')}</th><th>{t('Purposes')}</th></tr></thead>
        <tbody>
          {profile.facts.map((fact, i) => (
            <tr key={`${fact.name}${fact.source}${i}`}>
              <td class="nowrap">{fact.name}</td>
              <td class="fact-value"><strong>{value_text(fact.value)}</strong><br /><span class="faint small nowrap" title={`${time(fact.observed_at)} · ${fact.on}`}>{source_title(fact.source)} · {day(fact.observed_at)}</span></td>
              <td><Purposes names={fact.purposes} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Withheld({ profile }: { profile: Profile }) {
  if (!profile.withheld.length) return <p class="muted">{t('Nothing is withheld.')}</p>;
  const groups = new Map<string, string[]>();
  for (const item of profile.withheld) {
    const key = (item.reasons as (string | { code: string })[]).map((r) => (typeof r === 'string' ? r : r.code)).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), item.field]);
  }
  return (
    <ul class="withheld">
      {[...groups].map(([codes, fields]) => (
        <li key={codes}>
          <span class="row tight-gap">{fields.map((field) => <span class="tag" key={field}><Icon name="lock" size={12} />{field}</span>)}</span>
          {codes.split(' ').map((code) => <p key={code} class="small"><span>{reason_text({ code })}</span> <span class="faint"><b>{t('To make it a yes:')}</b> {reason_remedy({ code })}</span></p>)}
        </li>
      ))}
    </ul>
  );
}

function Says({ profile, who }: { profile: Profile; who: string }) {
  const rows = (policy.value?.purposes ?? []).filter((p) => profile.consents[p.name]);
  const rest = Object.keys(profile.consents).filter((name) => !rows.some((p) => p.name === name));
  const names = [...rows.map((p) => p.name), ...rest];
  if (!names.length) return <p class="muted">{t('Nothing was said for the purposes that you may see.')}</p>;
  return (
    <ul class="says">
      {names.map((name) => {
        const said = profile.consents[name]!;
        return (
          <li key={name}>
            <PurposeChip name={name} />
            <Tag tone={status_tone(said.status)}>{t(`said ${said.status}`)}</Tag><span class="faint small nowrap">{said.at ? day(said.at) : ''}</span>
            <a class="small" href={href('/ask', { who, purpose: name })} aria-label={t('Why: {purpose}', { purpose: name })}>{t('why')}</a>
          </li>
        );
      })}
    </ul>
  );
}

type Preferences = { channels?: Record<string, boolean>; topics?: Record<string, boolean>; frequency?: Record<string, { max: number; per: string }>; language?: string; quiet_hours?: { from: string; to: string; zone?: string } };

export function Wishes({ preferences }: { preferences: Preferences }) {
  const switches = (list: Record<string, boolean> | undefined) => Object.entries(list ?? {}).map(([name, on]) => <Tag key={name} tone={on ? 'yes' : 'no'} icon={on ? 'yes' : 'no'}>{name}</Tag>);
  const rows: [string, preact.ComponentChildren][] = [];
  if (Object.keys(preferences.channels ?? {}).length) rows.push([t('Channels'), switches(preferences.channels)]);
  if (Object.keys(preferences.topics ?? {}).length) rows.push([t('Topics'), switches(preferences.topics)]);
  for (const [channel, cap] of Object.entries(preferences.frequency ?? {})) rows.push([t('At most'), t('{max} by {channel} in {per}', { max: cap.max, channel, per: cap.per.replace('P', '').replace('D', t(' days')) })]);
  if (preferences.quiet_hours) rows.push([t('Quiet hours'), `${preferences.quiet_hours.from}–${preferences.quiet_hours.to} ${preferences.quiet_hours.zone ?? ''}`]);
  if (preferences.language) rows.push([t('Language'), preferences.language]);
  if (!rows.length) return <p class="muted">{t('No wishes yet.')}</p>;
  return <dl class="pairs">{rows.map(([name, value]) => <><dt>{name}</dt><dd class="row tight-gap">{value}</dd></>)}</dl>;
}

/** A list that scrolls in its own card, where the whole would not fit one screen. */
const Inner = ({ label, children }: { label: string; children: preact.ComponentChildren }) => <div class="scroll inner" tabIndex={0} role="group" aria-label={label}>{children}</div>;

export function Overview({ profile, who }: { profile: Profile; who: string }) {
  const events = profile.events;
  return (
    <div class="one-screen">
      <ul class="row known-by" aria-label={t('Known by')}>{profile.identifiers.map((i) => <li key={i.type + i.value} class="known"><span class="faint small">{i.type}</span> <span class="mono break">{i.value}</span></li>)}</ul>
      <div class="one-screen-grid">
        <div class="one-screen-part">
          <Card title={t('What is known')} note={t('{n} facts, each with where it comes from and what it may be used for', { n: profile.facts.length })} flush><Facts profile={profile} /></Card>
          <Card title={t('What is withheld, and why')} note={t('{n} fields', { n: profile.withheld.length })}><Inner label={t('What is withheld, and why')}><Withheld profile={profile} /></Inner></Card>
        </div>
        <div class="one-screen-part">
          <Card title={t('Statements')} end={<a class="small" href={href('/profiles', { ...route.value.query, tab: 'consents' })}>{t('Over time')}</a>}><Inner label={t('Statements')}><Says profile={profile} who={who} /></Inner></Card>
          <Card title={t('Wishes')}><Inner label={t('Wishes')}><Wishes preferences={profile.preferences as Preferences} /></Inner></Card>
          <Card title={t('Lately')} end={<a class="small" href={href('/profiles', { ...route.value.query, tab: 'events' })}>{t('All')}</a>}>
            {!events.length && <p class="muted">{t('No event may be seen for this purpose.')}</p>}
            <Inner label={t('Lately')}><ul class="lately">
              {events.slice(0, 6).map((event) => <li key={event.id}><span class="faint small nowrap">{day(event.at)}</span><span class="ellipsis"><strong>{event_title(event)}</strong> <span class="muted">{event_what(event)}</span></span></li>)}
            </ul></Inner>
          </Card>
        </div>
      </div>
    </div>
  );
}

/** To whom this purpose sends; beside what was sent. */
export function Receivers({ purpose }: { purpose: string }) {
  const receivers = (policy.value?.destinations ?? []).filter((d) => d.purpose === purpose);
  return (
    <Card title={t('Who gets this')}>
      {receivers.length ? <ul class="stack tight">{receivers.map((d) => <li key={d.name}><a href={href('/destinations', { name: d.name })}>{destination_title(d.name)}</a> <span class="faint small">{d.recipient} · {d.categories.map(category_title).join(', ')}</span></li>)}</ul> : <p class="muted">{t('Nobody: no destination serves this purpose.')}</p>}
    </Card>
  );
}
