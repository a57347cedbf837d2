/* Statements over time, each with its receipt and its place in the ledger, verified here. */
import { api, ask, text, type Schema } from '../api';
import { time } from '../format';
import { route, set } from '../route';
import { ConsentBands } from '../ui/bands';
import { Icon } from '../ui/icons';
import { Card, Dialog, Empty, Loading, PurposeChip, Shown, Tag } from '../ui/parts';
import { Proof } from '../ui/proof';
import { useAsked } from '../use';
import { BASES, purpose_named, source_title } from '../policy';
import { save } from '../save';
import { t } from '../words';
import { status_tone } from './profile_overview';

type Consent = Schema<'Consent'>;

/** How it was said: what programs write is a code of Telos, what people write is their own words. */
const METHODS = ['event', 'signal', 'shown by the source', 'preference centre', 'console', 'guided tour', 'expiry', 'rights request', 'rights request, by the person', 'authorised agent', 'objection decided'];
const method_text = (method: string | undefined): string => (method && METHODS.includes(method) ? t(`method ${method}`) : (method ?? ''));

function Receipt({ record, close }: { record: Consent; close: () => void }) {
  const receipt = useAsked(() => text(`/v1/consents/${record.id}/receipt`), [record.id]);
  return (
    <Dialog drawer title={t('Receipt')} close={close}>
      <dl class="pairs">
        <dt>{t('Purpose')}</dt><dd><PurposeChip name={record.purpose} /></dd>
        <dt>{t('Said')}</dt><dd><Tag tone={status_tone(record.status)}>{t(`said ${record.status}`)}</Tag> {record.explicit && <Tag tone="yes">{t('explicitly')}</Tag>}</dd>
        <dt>{t('When')}</dt><dd>{time(record.at)}</dd>
        <dt>{t('Recorded')}</dt><dd>{time(record.known_at)}</dd>
        {record.expires && <><dt>{t('Runs out')}</dt><dd>{time(record.expires)}</dd></>}
        {record.notice && <><dt>{t('Text shown')}</dt><dd>{record.notice}</dd></>}
        <dt>{t('How')}</dt><dd>{[source_title(record.source), method_text(record.method), record.reference].filter(Boolean).join(' · ')} {record.by !== 'self' && <Tag>{t(`by ${record.by}`)}</Tag>}</dd>
        {record.signal && <><dt>{t('Signal')}</dt><dd class="mono small break">{record.signal}</dd></>}
      </dl>
      <h3>{t('Proof')}</h3>
      <Proof index={record.ledger.index} leaf={record.ledger.leaf_hash} />
      <h3>{t('The signed receipt')} <span class="faint small">ISO/IEC TS 27560</span></h3>
      {receipt.data ? <><pre class="json" tabIndex={0}>{JSON.stringify(JSON.parse(receipt.data), null, 2)}</pre>
        <div><button type="button" class="button" onClick={() => save(`receipt-${record.id}.json`, receipt.data!, 'application/ld+json')}><Icon name="down" size={16} />{t('Save')}</button></div></> : <Loading />}
    </Dialog>
  );
}

export function Consents({ who }: { who: string }) {
  const asked = useAsked(() => ask(api.GET('/v1/consents', { params: { query: { subject: who } } })), [who], 10_000);
  const { only, record: picked } = route.value.query;
  return (
    <Shown asked={asked} empty={(data) => !data.consents.length && <Card><Empty title={t('Nothing was said yet')}><p>{t('No signal is never a yes: what rests on consent is not done.')}</p></Empty></Card>}>
      {(data) => {
        const shown = picked ? data.consents.find((c) => c.id === picked) : undefined;
        return (
          <div class="stack">
            <Card title={t('Over time')} note={t('a band is a time in which a basis stood')} end={<span class="legends">{BASES.filter((basis) => data.consents.some((c) => purpose_named(c.purpose)?.basis === basis)).map((basis) => <span class="legend" data-basis={basis} key={basis}><i />{t(`basis ${basis}`)}</span>)}</span>}>
              <ConsentBands records={data.consents} at={only} pick={(id) => set({ record: id })} />
            </Card>
            <Card title={t('Statements')} note={t('{n} records; nothing is ever changed, only added to', { n: data.consents.length })} flush>
              <div class="scroll" tabIndex={0} role="group" aria-label={t('Statements')}>
                <table>
                  <thead><tr><th>{t('When')}</th><th>{t('Purpose')}</th><th>{t('Said')}</th><th>{t('Text shown')}</th><th>{t('How')}</th><th>{t('Runs out')}</th><th>{t('Ledger')}</th></tr></thead>
                  <tbody>
                    {[...data.consents].sort((a, b) => b.at.localeCompare(a.at) || b.ledger.index - a.ledger.index).map((c) => (
                      <tr key={c.id} class="pick" onClick={() => set({ record: c.id })}>
                        <td class="nowrap">{time(c.at)}</td><td><PurposeChip name={c.purpose} plain /></td><td><Tag tone={status_tone(c.status)}>{t(`said ${c.status}`)}</Tag></td><td class="nowrap">{c.notice ?? '–'}</td>
                        <td>{[source_title(c.source), method_text(c.method)].filter(Boolean).join(' · ')}</td><td class="nowrap">{c.expires ? time(c.expires) : '–'}</td>
                        <td><button type="button" class="as-text mono" onClick={() => set({ record: c.id })}>#{c.ledger.index}<span class="hidden-text"> {t('Receipt')}</span></button></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </Card>
            {shown && <Receipt record={shown} close={() => set({ record: null }, true)} />}
          </div>
        );
      }}
    </Shown>
  );
}
