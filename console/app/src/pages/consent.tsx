/* How people answered: by purpose, channel, source and version of the text; and how far a campaign for renewed consent is. */
import { useMemo } from 'preact/hooks';
import { api, ask, type Schema } from '../api';
import { day, number, percent } from '../format';
import { policy, purpose_named, purpose_title, source_title } from '../policy';
import { href, route, set } from '../route';
import { Chart } from '../ui/chart';
import { Bar, Card, Dialog, Empty, Figure, Page, PurposeChip, Shown, Tabs, Tag } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';
import { days_back, rates_of, type Rate } from './consent_rates';

const yes_of = (r: Rate) => (r.given ?? 0) + (r.renewed ?? 0) + (r.opened ?? 0) + (r.informed ?? 0);
const no_of = (r: Rate) => (r.refused ?? 0) + (r.withdrawn ?? 0) + (r.objected ?? 0) + (r.opted_out ?? 0) + (r.ended ?? 0);
/** A channel is the kind of a source, where it is one of those that Telos knows; a policy may name others. */
const channel_text = (name: string): string => { const said = t(`channel ${name}`); return said.startsWith('channel ') ? name : said; };
const BY = ['source', 'channel', 'notice'] as const;

function Standing() {
  const asked = useAsked(() => rates_of('source', days_back(1)), [], 4_000);
  return (
    <Card flush title={t('How people stand now')} note={t('of everybody known, for each purpose')} end={asked.data?.complete === false && <Tag icon="clock">{t('still counting')}</Tag>}>
      <Shown asked={asked} empty={(data) => data.complete && !data.standing.some((one) => one.people) && <Empty title={t('Nobody is known yet')}><p>{t('As soon as somebody is known, it stands here how people answered.')}</p></Empty>}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('How people stand now')}>
            <table>
              <thead><tr><th>{t('Purpose')}</th><th>{t('Basis')}</th><th class="num">{t('Covered')}</th><th class="num">{t('Refused')}</th><th class="num">{t('Withdrew')}</th><th class="num">{t('Said nothing')}</th><th class="wide-bar">{t('Share')}</th></tr></thead>
              <tbody>
                {data.standing.map((one) => (
                  <tr key={one.purpose}>
                    <td><PurposeChip name={one.purpose} /></td><td class="small">{t(`basis ${purpose_named(one.purpose)?.basis}`)}</td>
                    <td class="num"><strong>{number(one.given)}</strong> <span class="faint small">{percent(one.given, one.people)}</span></td><td class="num">{number(one.refused)}</td><td class="num">{number(one.withdrawn)}</td><td class="num">{number(one.none)}</td>
                    <td><Bar label={one.purpose} parts={[{ value: one.given, tone: 'yes', title: t('covered') }, { value: one.refused, tone: 'no', title: t('refused') }, { value: one.withdrawn, tone: 'trim', title: t('withdrew') }, { value: one.none, tone: 'quiet', title: t('said nothing') }]} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
    </Card>
  );
}

const GROUPS = ['source', 'channel', 'notice'] as const;

function Rates() {
  const by = GROUPS.find((one) => one === route.value.query.by) ?? 'source';
  const only = route.value.query.only ?? '';
  const days = Number(route.value.query.days) || 42;
  const asked = useAsked(() => rates_of(by, days_back(days)), [by, days]);
  const rows = useMemo(() => (asked.data?.rates ?? []).filter((r) => !only || r.purpose === only), [asked.data, only]);
  const chart = useMemo(() => {
    const sums = new Map<string, [number, number]>();
    for (const r of rows) {
      const sum = sums.get(r.day) ?? [0, 0];
      sums.set(r.day, [sum[0] + yes_of(r), sum[1] + no_of(r)]);
    }
    const list = [...sums].sort(([a], [b]) => a.localeCompare(b));
    return [list.map(([d]) => Date.parse(d) / 1000), list.map(([, s]) => s[0]), list.map(([, s]) => s[1])];
  }, [rows]);
  const groups = useMemo(() => {
    const sums = new Map<string, { purpose: string; group: string; yes: number; no: number }>();
    for (const r of rows) {
      const key = `${r.purpose} ${r.group}`;
      const sum = sums.get(key) ?? { purpose: r.purpose, group: r.group, yes: 0, no: 0 };
      sum.yes += yes_of(r);
      sum.no += no_of(r);
      sums.set(key, sum);
    }
    return [...sums.values()].sort((a, b) => a.purpose.localeCompare(b.purpose) || b.yes + b.no - a.yes - a.no);
  }, [rows]);
  return (
    <Card flush title={t('What was said')} note={t('in the last {n} days', { n: days })} end={
      <>
        {BY.map((one) => <button key={one} type="button" class="button plain" aria-pressed={one === by} onClick={() => set({ by: one }, true)}>{t(`by ${one}`)}</button>)}
        <select aria-label={t('Purpose')} value={only} onChange={(e) => set({ only: e.currentTarget.value }, true)}><option value="">{t('every purpose')}</option>{(policy.value?.purposes ?? []).map((p) => <option key={p.name} value={p.name}>{p.name}</option>)}</select>
      </>}>
      <Shown asked={asked} empty={() => !rows.length && <Empty title={t('Nobody said anything in this time')} />}>
        {() => (
          <>
            <div class="pad"><Chart data={chart} label={t('Statements a day')} lines={[{ label: t('yes'), color: '--yes', fill: true }, { label: t('no'), color: '--no' }]} /></div>
            <div class="scroll" tabIndex={0} role="group" aria-label={t('What was said')}>
              <table>
                <thead><tr><th>{t('Purpose')}</th><th class="first-capital">{t(`by ${by}`)}</th><th class="num">{t('Yes')}</th><th class="num">{t('No')}</th><th class="num">{t('Rate')}</th><th class="wide-bar">{t('Share')}</th></tr></thead>
                <tbody>{groups.map((g) => <tr key={g.purpose + g.group}><td><PurposeChip name={g.purpose} /></td><td>{by === 'source' ? source_title(g.group) || '–' : by === 'channel' && g.group ? channel_text(g.group) : g.group || '–'}</td><td class="num">{number(g.yes)}</td><td class="num">{number(g.no)}</td><td class="num">{percent(g.yes, g.yes + g.no)}</td><td><Bar label={g.purpose} parts={[{ value: g.yes, tone: 'yes', title: t('yes') }, { value: g.no, tone: 'no', title: t('no') }]} /></td></tr>)}</tbody>
              </table>
            </div>
          </>
        )}
      </Shown>
    </Card>
  );
}

type Notice = Schema<'Notices'>['notices'][number];

function Campaign({ notice }: { notice: Notice }) {
  const asked = useAsked(() => ask(api.GET('/v1/notices/{id}/reconsent', { params: { path: { id: notice.id } } })), [notice.id], 8000);
  return (
    <Card title={`${notice.id}@${notice.version}`} note={notice.effective ? t('in force since {at}', { at: day(notice.effective) }) : ''} end={<a class="small" href={href('/consent', { tab: 'notices', notice: notice.id })}>{t('What changed')}</a>}>
      <Shown asked={asked}>
        {(data) => (
          <div class="stack">
            <div class="row figures wide"><Figure value={data.renewed} label={t('on the present text')} tone="yes" /><Figure value={data.open} label={t('still to renew')} tone={data.open ? 'trim' : undefined} /><Figure value={data.ended} label={t('ended')} /></div>
            <Bar label={t('Renewal')} parts={[{ value: data.renewed, tone: 'yes', title: t('on the present text') }, { value: data.open, tone: 'trim', title: t('still to renew') }, { value: data.ended, tone: 'quiet', title: t('ended') }]} />
            <p class="small muted">{data.contactable.map((c) => t('{n} may be asked for {purpose}', { n: number(c.people), purpose: c.purpose })).join(' · ')}{data.open > 0 && ` · ${t('{n} may not be written to', { n: number(data.not_contactable) })}`}{!data.complete && <Tag icon="clock">{t('still counting')}</Tag>}{data.grace_until && Date.parse(data.grace_until) > Date.now() ? ` · ${t('grace until {at}', { at: day(data.grace_until) })}` : ''}</p>
            <p class="small faint">{data.versions.map((v) => t('version {v}: {n}', { v: v.version, n: number(v.people) })).join(' · ')}</p>
          </div>
        )}
      </Shown>
    </Card>
  );
}

function Changed({ id, close }: { id: string; close: () => void }) {
  const history = useAsked(() => ask(api.GET('/v1/notices/{id}', { params: { path: { id: id } } })), [id]);
  const newest = history.data?.version ?? 0;
  const versions = history.data?.versions.map((v) => v.version) ?? [];
  const before = versions.filter((v) => v < newest).sort((a, b) => b - a)[0];
  const asked = useAsked(history.data ? async () => before !== undefined ? { diff: await ask(api.GET('/v1/notices/{id}/diff', { params: { path: { id: id }, query: { from: String(before), to: String(newest) } } })) } : { text: await ask(api.GET('/v1/notices/{id}/versions/{number}', { params: { path: { id: id, number: newest } } })) } : null, [id, before, newest]);
  return (
    <Dialog drawer title={`${id}@${newest}`} close={close}>
      <Shown asked={asked}>{(data) => 'diff' in data && data.diff
        ? <p class="notice-text">{data.diff.changes.map((change, i) => change.what === 'same' ? <span key={i}>{change.text}</span> : change.what === 'added' ? <ins key={i}>{change.text}</ins> : <del key={i}>{change.text}</del>)}</p>
        : <><p class="muted">{t('There is no earlier version.')}</p><pre class="notice-text">{'text' in data ? data.text?.text : ''}</pre></>}</Shown>
    </Dialog>
  );
}

export default function Consent() {
  const tab = route.value.query.tab ?? 'standing';
  const notices = useAsked(() => ask(api.GET('/v1/notices')), []);
  const { notice } = route.value.query;
  return (
    <Page title={t('Consent')} lead={t('How people answered, and whether they still stand by it.')}>
      <Tabs label={t('Views of consent')} at={tab} link={(id) => href('/consent', { tab: id === 'standing' ? null : id })} tabs={[{ id: 'standing', title: t('Now') }, { id: 'rates', title: t('Over time') }, { id: 'notices', title: t('Texts and renewal') }]} />
      {tab === 'standing' && <Standing />}
      {tab === 'rates' && <Rates />}
      {tab === 'notices' && <Shown asked={notices} empty={(data) => !data.notices.length && <Card><Empty title={t('No notice is declared')} /></Card>}>
        {(data) => <div class="grid cols-2">{data.notices.map((one) => <div class="stack tight" key={one.id}><Campaign notice={one} /><p class="small row tight-gap">{one.purposes.map((name) => <PurposeChip key={name} name={name} />)}<span class="hidden-text">{one.purposes.map(purpose_title).join(', ')}</span></p></div>)}</div>}
      </Shown>}
      {notice && <Changed id={notice} close={() => set({ notice: null }, true)} />}
    </Page>
  );
}
