/* One purpose: its basis and what it cites, its notice, what it covers, where that comes from and goes to, whom it covers, how people answered. */
import { useMemo, useState } from 'preact/hooks';
import { api, ask } from '../api';
import { duration, number, percent, when_denied_text } from '../format';
import { category_named, category_title, destination_title, source_title, type Policy, type Purpose } from '../policy';
import { href } from '../route';
import { may } from '../session';
import { Chart } from '../ui/chart';
import { Bar, Card, Dialog, Loading, Page, Shown, Tag } from '../ui/parts';
import { useAsked } from '../use';
import { language, of, t } from '../words';
import { days_back, rates_of } from './consent_rates';

const CITES = ['law', 'contract', 'interest', 'balancing_test', 'review', 'why_no_other_basis', 'special_condition', 'terms_min_version', 'age_threshold', 'minors', 'lapses', 'opened_by', 'ended_by', 'compatible_with', 'tcf', 'consent_mode'];

function cite(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  const local = value && typeof value === 'object' ? (value as Record<string, unknown>)[language.value] ?? (value as Record<string, unknown>).en : undefined;
  if (typeof local === 'string') return local; // said in several languages
  if (value && typeof value === 'object') return Object.entries(value).map(([k, v]) => `${k}: ${v instanceof Date ? v.toISOString().slice(0, 10) : String(v)}`).join(', ');
  return String(value);
}

function NoticeText({ id, version, close }: { id: string; version: number; close: () => void }) {
  const asked = useAsked(() => ask(api.GET('/v1/notices/{id}/versions/{number}', { params: { path: { id: id, number: version }, query: { language: language.value } } })), [id, version, language.value]);
  return <Dialog drawer title={`${id}@${version}`} close={close}><Shown asked={asked}>{(data) => <><pre class="notice-text">{data.text}</pre><p class="small faint mono break">SHA-256 {data.sha256}</p></>}</Shown></Dialog>;
}

function Answers({ purpose }: { purpose: Purpose }) {
  const rates = useAsked(() => rates_of('source', days_back(42)), [purpose.name]);
  const lines = useMemo(() => {
    const days = new Map<string, { yes: number; no: number }>();
    for (const rate of rates.data?.rates ?? []) {
      if (rate.purpose !== purpose.name) continue;
      const day = days.get(rate.day) ?? { yes: 0, no: 0 };
      day.yes += (rate.given ?? 0) + (rate.renewed ?? 0) + (rate.opened ?? 0) + (rate.informed ?? 0);
      day.no += (rate.refused ?? 0) + (rate.withdrawn ?? 0) + (rate.objected ?? 0) + (rate.opted_out ?? 0) + (rate.ended ?? 0);
      days.set(rate.day, day);
    }
    const sorted = [...days].sort(([a], [b]) => a.localeCompare(b));
    // the rate is that of all who had answered by then: a day with three answers says little of itself
    let yes = 0, all = 0;
    const rate = sorted.map(([, d]) => { yes += d.yes; all += d.yes + d.no; return all ? yes / all : 0; });
    const at = sorted.map(([day]) => Date.parse(day) / 1000);
    return { days: [at, sorted.map(([, d]) => d.yes), sorted.map(([, d]) => d.no)], rate: [at, rate], last: rate.at(-1) ?? 0 };
  }, [rates.data, purpose.name]);
  return (
    <Card title={t('How people answered')} note={t('the last six weeks, by day')}>
      <Shown asked={rates}>
        {(data) => {
          const standing = data.standing.find((one) => one.purpose === purpose.name);
          return (
            <div class="stack">
              {standing && (
                <>
                  <div class="row figures"><span><b>{number(standing.people)}</b> {t('people')}</span><span><b>{number(standing.given)}</b> {t('covered')} ({percent(standing.given, standing.people)})</span><span><b>{number(standing.refused)}</b> {t('refused')}</span><span><b>{number(standing.withdrawn)}</b> {t('withdrew')}</span><span><b>{number(standing.none)}</b> {t('said nothing')}</span></div>
                  <Bar label={t('How people stand')} parts={[{ value: standing.given, tone: 'yes', title: t('covered') }, { value: standing.refused, tone: 'no', title: t('refused') }, { value: standing.withdrawn, tone: 'trim', title: t('withdrew') }, { value: standing.none, tone: 'quiet', title: t('said nothing') }]} />
                </>
              )}
              {lines.days[0]!.length ? <>
                <div><h3>{t('Share of yes among all who had answered')} <span class="faint">{percent(lines.last, 1)}</span></h3><Chart data={lines.rate} height={130} percent label={t('Share of yes among all who had answered')} lines={[{ label: t('share of yes'), color: '--yes', fill: true }]} /></div>
                <div><h3>{t('Statements a day')}</h3><Chart data={lines.days} height={150} label={t('Statements a day')} lines={[{ label: t('yes'), color: '--yes', fill: true }, { label: t('no'), color: '--no' }]} /></div>
              </> : <p class="muted">{t('Nobody said anything in this time.')}</p>}
            </div>
          );
        }}
      </Shown>
    </Card>
  );
}

export function OnePurpose({ purpose, p }: { purpose: Purpose; p: Policy }) {
  const notices = useAsked(() => ask(api.GET('/v1/notices')), [p.version]);
  const [reading, set_reading] = useState(false);
  const notice = notices.data?.notices.find((one) => one.id === purpose.notice);
  const sources = p.sources.filter((s) => s.purposes.includes(purpose.name));
  const receivers = p.destinations.filter((d) => d.purpose === purpose.name);
  const special = purpose.categories.filter((name) => category_named(name)?.special);
  return (
    <Page title={of(purpose.title, purpose.name)} lead={of(purpose.description, '')} end={
      <><a class="button" href={href('/purposes')}>{t('All purposes')}</a>{may('people') && <a class="button" href={href('/profiles', { for: purpose.name })}>{t('See a person through it')}</a>}</>}>
      <div class="grid cols-side">
        <div class="stack">
          <Answers purpose={purpose} />
          <Card title={t('Data it covers')} note={t('nothing else may be stored or used for it')}>
            <ul class="row">{purpose.categories.map((name) => <li key={name}><Tag tone={category_named(name)?.special ? 'no' : 'quiet'}>{category_title(name)}{category_named(name)?.special ? ` · ${t('special')}` : ''}</Tag></li>)}</ul>
            {special.length > 0 && <p class="small muted">{t('Special categories need a condition of Art. 9(2): {c}.', { c: String(purpose.raw.special_condition ?? '–') })}</p>}
          </Card>
          <div class="grid cols-2">
            <Card title={t('Comes from')}><ul class="stack tight">{sources.map((s) => <li key={s.name}><a href={href('/live', { source: s.name, purpose: purpose.name })}>{source_title(s.name)}</a> <span class="faint small">{t('when the gate says no: {what}', { what: when_denied_text(s.when_denied) })}</span></li>)}</ul>{!sources.length && <p class="muted">{t('From no source.')}</p>}</Card>
            <Card title={t('Goes to')}><ul class="stack tight">{receivers.map((d) => <li key={d.name}><a href={href('/destinations', { name: d.name })}>{destination_title(d.name)}</a><br /><span class="faint small">{d.recipient}</span></li>)}</ul>{!receivers.length && <p class="muted">{t('To nobody.')}</p>}</Card>
          </div>
        </div>
        <Card title={t('Why it is lawful')}>
          <dl class="pairs">
            <dt>{t('Name')}</dt><dd class="mono">{purpose.name}</dd>
            <dt>{t('Basis')}</dt><dd><span class="legend strong" data-basis={purpose.basis}><i />{t(`basis ${purpose.basis}`)}</span>{Object.entries(purpose.elsewhere).map(([country, basis]) => <span key={country} class="small muted"> · {country}: {t(`basis ${basis}`)}</span>)}</dd>
            {CITES.filter((key) => purpose.raw[key] !== undefined).map((key) => <><dt>{t(`cite ${key}`)}</dt><dd class="break">{cite(purpose.raw[key])}</dd></>)}
            <dt>{t('Kept for')}</dt><dd>{duration(purpose.retention)}</dd>
            {purpose.expires && <><dt>{t('A yes holds for')}</dt><dd>{duration(purpose.expires)}</dd></>}
            {purpose.notice && <><dt>{t('Text people see')}</dt><dd>{notice ? <button type="button" class="as-text" onClick={() => set_reading(true)}>{notice.id}@{notice.version}</button> : notices.loading ? <Loading /> : purpose.notice}</dd></>}
          </dl>
          {reading && notice && <NoticeText id={notice.id} version={notice.version} close={() => set_reading(false)} />}
        </Card>
      </div>
    </Page>
  );
}
