/* The record of processing activities (GDPR Art. 30), now or of a day; fit to print. */
import { api, ask, text } from '../api';
import { duration, time } from '../format';
import { policy } from '../policy';
import { href, route, set } from '../route';
import { Icon } from '../ui/icons';
import { Card, Empty, Page, Shown } from '../ui/parts';
import { useAsked } from '../use';
import { of, t } from '../words';
import { save } from '../save';

const ROWS = ['basis', 'cites', 'subjects', 'categories', 'special', 'sources', 'recipients', 'transfers', 'retention'] as const;
/** The register speaks English, the policy has its words in each language: titles of purposes, kinds of data and sources are said in the reader's. */
function in_my_language(text: string): string {
  const p = policy.value;
  const known = new Map<string, string>();
  for (const one of [...(p?.purposes ?? []), ...(p?.categories ?? []), ...(p?.sources ?? [])])
    if (one.title && typeof one.title === 'object') known.set(one.title.en ?? one.name, of(one.title, one.name));
  return text.split('; ').map((part) => known.get(part) ?? t(part)).join('; ');
}
const said = (row: string, text: string): string =>
  row === 'retention' ? duration(text) : row === 'basis' ? text.replace(/Art\. 6\(1\)\((\w)\) (\w+)/g, (_, l: string, basis: string) => `${t('Art. 6(1)({l})', { l })} ${t(`basis ${basis}`)}`) : row === 'cites' ? text.replace(/^notice (\S+@\d+)/, (_, name: string) => t('notice {name}', { name })) : ['subjects', 'categories', 'sources', 'special'].includes(row) ? in_my_language(text) : text;

const WORDS: Record<(typeof ROWS)[number], string> = {
  basis: 'Legal basis', cites: 'It cites', subjects: 'Whose data', categories: 'Categories of data', special: 'Special categories', sources: 'Sources', recipients: 'Recipients', transfers: 'Transfers to third countries', retention: 'Kept for',
};

export default function Records() {
  const { at } = route.value.query;
  const asked = useAsked(() => ask(api.GET('/v1/ropa', { params: { query: { at } } })), [at]);
  const csv = () => text(`/v1/ropa?format=csv${at ? `&at=${at}` : ''}`).then((body) => save('records-of-processing.csv', body, 'text/csv'));
  return (
    <Page title={t('Records of processing')} lead={t('Art. 30 GDPR: made from the policy that the gate itself obeys, so it cannot be out of date.')} end={
      <>
        <label class="field inline no-print nowrap">{t('As of')} <input type="date" value={at ?? ''} onChange={(e) => set({ at: e.currentTarget.value }, true)} /></label>
        <button type="button" class="button" onClick={() => void csv()}><Icon name="down" size={16} />CSV</button>
        <button type="button" class="button first" onClick={() => window.print()}><Icon name="print" size={16} />{t('Print')}</button>
      </>}>
      <Shown asked={asked} empty={(data) => !data.activities.length && <Card><Empty title={t('No activity')} /></Card>}>
        {(data) => (
          <div class="stack">
            <Card title={data.controller.name}>
              <dl class="pairs">
                <dt>{t('Controller')}</dt><dd>{data.controller.address}, {data.controller.country}</dd><dt>{t('Contact')}</dt><dd>{data.controller.contact}</dd><dt>{t('Data protection officer')}</dt><dd>{data.controller.dpo}</dd>
                <dt>{t('Policy')}</dt><dd>{t('version {n}', { n: data.policy_version })}, {time(data.active_since)}</dd><dt>{t('Security')}</dt><dd>{t(data.security)}</dd><dt>{t('Made')}</dt><dd>{time(data.made_at)}</dd>
              </dl>
            </Card>
            {data.activities.map((activity, i) => (
              <Card key={activity.activity} title={`${i + 1}. ${in_my_language(activity.title)}`} note={<a href={href('/purposes', { name: activity.activity })}>{activity.activity}</a>}>
                <dl class="pairs">{ROWS.filter((row) => activity[row]).map((row) => <><dt>{t(WORDS[row])}</dt><dd>{said(row, activity[row])}</dd></>)}</dl>
              </Card>
            ))}
          </div>
        )}
      </Shown>
    </Page>
  );
}
