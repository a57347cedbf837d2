/* A person, found by any identifier and seen through one purpose: switching the purpose draws anew what may be seen. */
import { useEffect, useState } from 'preact/hooks';
import { api, ask, type Schema } from '../api';
import { BASES, policy, purpose_named, purpose_title, type Basis } from '../policy';
import { go, href, route, set } from '../route';
import { may, purpose_allowed } from '../session';
import { by_number, subject_of } from '../subject';
import { Icon } from '../ui/icons';
import { Card, Empty, Failed, Loading, Page, PurposeChip, Tabs } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';
import { Consents } from './profile_consents';
import { Deliveries, Events, History } from './profile_events';
import { Identity } from './profile_identity';
import { Overview, Receivers } from './profile_overview';
import { StateDialog } from './profile_state';

export type Profile = Schema<'Profile'>;
const KEPT = 'recent';

/** The newest persons looked at, for this browser tab only: never on disk. */
function recent(): string[] {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? '[]') as string[];
}
function remember(who: string): void {
  sessionStorage.setItem(KEPT, JSON.stringify([who, ...recent().filter((one) => one !== who)].slice(0, 6)));
}

export function chosen_purpose(): string {
  const asked = route.value.query.for;
  if (asked) return asked;
  const names = (policy.value?.purposes ?? []).map((p) => p.name).filter(purpose_allowed);
  return ['fulfilment', 'service', 'newsletter'].find((name) => names.includes(name)) ?? names[0] ?? '';
}

function Find({ who }: { who: string }) {
  const [typed, set_typed] = useState(who);
  const [problem, set_problem] = useState(false);
  useEffect(() => set_typed(who), [who]);
  const submit = (event: Event) => {
    event.preventDefault();
    const subject = subject_of(typed);
    set_problem(!subject);
    if (subject) go('/profiles', { ...route.value.query, who: subject, tab: null });
  };
  return (
    <form role="search" class={who ? 'find inline' : 'find'} onSubmit={submit}>
      <label class="field wide"><span class={who ? 'hidden-text' : ''}>{t('Find a person by any identifier')}</span>
        <span class="row nowrap-row">
          <input value={typed} placeholder="anna.kovacs@example.hu · +36 30 … · user_id:duna-000001" onInput={(e) => set_typed(e.currentTarget.value)} spellcheck={false} autocomplete="off" autofocus={!who} />
          <button class="button first"><Icon name="search" size={16} />{t('Find')}</button>
        </span>
      </label>
      {problem && <p class="small" role="alert" style={{ color: 'var(--no)' }}>{t('Write an e-mail address, a phone number, or type:value, as in loyalty_id:DB10000000.')}</p>}
    </form>
  );
}

function Through({ at }: { at: string }) {
  const names = (policy.value?.purposes ?? []).filter((p) => purpose_allowed(p.name));
  const groups = BASES.map((basis): [Basis, string[]] => [basis, names.filter((p) => p.basis === basis).map((p) => p.name)]).filter(([, list]) => list.length);
  return (
    <div class="through" role="group" aria-label={t('Seen through the purpose')}>
      <span class="faint small">{t('Seen through the purpose')}</span>
      {groups.map(([basis, list]) => (
        <span class="row tight-gap" key={basis}>
          {list.map((name) => (
            <button key={name} type="button" class={`purpose ${name === at ? 'on' : ''}`} data-basis={basis} aria-pressed={name === at} title={`${purpose_title(name)} · ${t(`basis ${basis}`)}`} onClick={() => set({ for: name }, true)}>
              <i />{name}
            </button>
          ))}
        </span>
      ))}
      {purpose_named(at) && <span class="small muted" title={t('Switching the purpose draws anew what may be seen.')}>{purpose_title(at)}.</span>}
    </div>
  );
}

export function name_of(profile: Profile | undefined, who: string): string {
  const traits = (profile?.traits ?? {}) as Record<string, unknown>;
  if (typeof traits.name === 'string') return traits.name;
  const parts = [traits.firstName, traits.lastName].filter((part) => typeof part === 'string');
  return parts.length ? parts.join(' ') : (profile?.identifiers.find((i) => i.type === 'email' || i.type === 'user_id')?.value ?? who.slice(who.indexOf(':') + 1));
}

function Person({ who, through }: { who: string; through: string }) {
  const tab = route.value.query.tab ?? 'overview';
  const [saying, set_saying] = useState(false);
  const profile = useAsked(() => ask(api.GET('/v1/profiles/{subject}', { params: { path: { subject: who }, query: { purpose: through, events: 60 } } })), [who, through], 10_000);
  useEffect(() => {
    if (!profile.data) return;
    // Who came by the number of a profile goes on by an identifier, where the purpose shows one: statements and rights are said of an identifier.
    const known = by_number(who) ? profile.data.identifiers.find((one) => one.value) : undefined;
    if (known) set({ who: `${known.type}:${known.value}` }, true);
    else remember(who);
  }, [profile.data?.id, who]);
  const link = (id: string) => href('/profiles', { ...route.value.query, tab: id === 'overview' ? null : id });
  const tabs = [
    { id: 'overview', title: t('Overview') }, { id: 'consents', title: t('Consents') }, { id: 'events', title: t('Events') }, { id: 'identity', title: t('Identity') },
    { id: 'deliveries', title: t('Deliveries') }, { id: 'history', title: t('History') },
  ].filter((one) => one.id !== 'consents' || may('state'));
  if (profile.failure?.kind === 'missing')
    return <Card><Empty title={t('Nobody is known by {who}', { who })}><p>{t('Telos knows persons only by what their purposes allow to keep. Look for another identifier.')}</p></Empty></Card>;
  const named = !by_number(who); // by an identifier that something can be said of
  const hidden = profile.failure?.kind === 'denied'; // the whole person is withheld for this purpose: what was said may still be seen
  return (
    <>
      <div class="person-head">
        <div class="person-mark" aria-hidden="true">{name_of(profile.data, who).slice(0, 1).toUpperCase()}</div>
        <div class="person-name"><h2 class="break">{name_of(profile.data, who)}</h2><span class="faint small mono break">{who}</span></div>
        <span class="grow" />
        <a class="button" href={href('/ask', { who, purpose: through })}><Icon name="ask" size={16} />{t('Ask the gate')}</a>
        {may('state') && named && <button type="button" class="button" onClick={() => set_saying(true)}><Icon name="consent" size={16} />{t('Record a statement')}</button>}
        {may('state') && named && <a class="button" href={href('/rights', { who, open: 1 })}><Icon name="rights" size={16} />{t('Exercise a right')}</a>}
      </div>
      {!named && profile.data && <p class="notice">{t('This purpose shows none of the person’s identifiers. To record a statement or a right, look through one that does.')}</p>}
      <Tabs tabs={tabs} at={tab} link={link} label={t('Views of the person')} />
      {tab === 'overview' && (profile.data ? <Overview profile={profile.data} who={who} /> : profile.failure ? <Card title={t('Withheld for {purpose}', { purpose: through })}><Failed failure={profile.failure} again={profile.again} /></Card> : <Loading />)}
      {tab === 'consents' && may('state') && <Consents who={who} />}
      {tab === 'events' && (profile.data ? <Events profile={profile.data} /> : profile.failure ? <Card><Failed failure={profile.failure} again={profile.again} /></Card> : <Loading />)}
      {tab === 'identity' && <Identity who={who} through={through} />}
      {tab === 'deliveries' && <div class="stack"><Receivers purpose={through} /><Deliveries who={who} through={through} /></div>}
      {tab === 'history' && <History who={who} through={through} />}
      {saying && <StateDialog who={who} purpose={hidden ? through : undefined} close={() => set_saying(false)} done={() => { set_saying(false); profile.again(); }} />}
    </>
  );
}

export default function Profiles() {
  const who = route.value.query.who ?? '';
  const through = chosen_purpose();
  return (
    <Page title={t('Profiles')} end={who && <Find who={who} />} lead={who ? undefined : t('One person at a time, and always for a purpose. Each look is recorded; it stands in the person’s own history.')}>
      <div class="stack person-page">
        {who ? <><Through at={through} /><div class="person"><Person who={who} through={through} /></div></> : (<>
          <Card class="find-card"><Find who={who} /></Card>
          <Card title={t('Lately looked at')} note={t('in this tab; nothing is kept')}>
            {recent().length ? <ul class="stack tight">{recent().map((one) => <li key={one}><a class="mono" href={href('/profiles', { who: one })}>{one}</a></li>)}</ul> : <p class="muted">{t('Nobody yet.')}</p>}
          </Card>
        </>)}
      </div>
      {who && !purpose_named(through) && <PurposeChip name={through} />}
    </Page>
  );
}
