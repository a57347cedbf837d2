/* Recording what a person says: on the phone, at the counter, in a letter. The reply is the receipt. */
import { useState } from 'preact/hooks';
import { api, ask, type Failure, type Schema } from '../api';
import { policy, purpose_named, purpose_title, type Basis } from '../policy';
import { Dialog } from '../ui/parts';
import { Proof } from '../ui/proof';
import { t } from '../words';

type Status = Schema<'Statement'>['status'];
const FITTING: Record<Basis, Status[]> = {
  consent: ['given', 'refused', 'withdrawn', 'renewed'], contract: ['opened', 'ended'], legal_obligation: ['informed'], vital_interest: ['invoked', 'ended'],
  public_task: ['informed', 'objected', 'objection_lifted'], legitimate_interest: ['objected', 'objection_lifted', 'informed'],
};

export function StateDialog({ who, purpose: first, close, done }: { who: string; purpose?: string; close: () => void; done: () => void }) {
  const purposes = policy.value?.purposes ?? [];
  const [purpose, set_purpose] = useState(first ?? purposes.find((p) => p.basis === 'consent')?.name ?? purposes[0]?.name ?? '');
  const statuses = FITTING[purpose_named(purpose)?.basis ?? 'consent'];
  const [status, set_status] = useState<Status>(statuses[0]!);
  const [method, set_method] = useState('');
  const [reference, set_reference] = useState('');
  const [problem, set_problem] = useState('');
  const [stated, set_stated] = useState<Schema<'Stated'>>();
  const explicit = purpose_named(purpose)?.raw.explicit_consent === true;
  const submit = async (event: Event) => {
    event.preventDefault();
    set_problem('');
    try {
      set_stated(await ask(api.POST('/v1/consents', { body: {
        subject: who, purpose, status: statuses.includes(status) ? status : statuses[0]!, method: method || 'console', ...(reference ? { reference } : {}), ...(explicit && ['given', 'renewed'].includes(status) ? { explicit: true } : {}),
      } })));
    } catch (cause) {
      set_problem((cause as Failure).message);
    }
  };
  if (stated)
    return (
      <Dialog title={t('Recorded')} close={done}>
        <p>{t('{status} for {purpose}. It stands in the ledger, and cannot be changed any more.', { status: t(`said ${stated.status}`), purpose: purpose_title(stated.purpose) })}</p>
        <Proof index={stated.ledger.index} leaf={stated.ledger.leaf_hash} />
        <div class="row"><button type="button" class="button first" onClick={done}>{t('Done')}</button></div>
      </Dialog>
    );
  return (
    <Dialog title={t('Record a statement')} close={close}>
      <form onSubmit={submit} class="plain-form">
        <p class="muted mono break">{who}</p>
        <label class="field">{t('Purpose')}<select value={purpose} onChange={(e) => { set_purpose(e.currentTarget.value); set_status(FITTING[purpose_named(e.currentTarget.value)?.basis ?? 'consent'][0]!); }}>
          {purposes.map((p) => <option key={p.name} value={p.name}>{purpose_title(p.name)} ({p.name})</option>)}
        </select></label>
        <p class="small muted">{t(`basis ${purpose_named(purpose)?.basis}`)}</p>
        <label class="field">{t('Statement')}<select value={status} onChange={(e) => set_status(e.currentTarget.value as Status)}>{statuses.map((one) => <option key={one} value={one}>{t(`said ${one}`)}</option>)}</select></label>
        <div class="form-row">
          <label class="field">{t('How')}<input value={method} placeholder={t('phone call, letter, counter …')} onInput={(e) => set_method(e.currentTarget.value)} /></label>
          <label class="field">{t('Reference')}<input value={reference} placeholder="TICKET-1234" onInput={(e) => set_reference(e.currentTarget.value)} /></label>
        </div>
        {problem && <p class="notice no" role="alert">{problem}</p>}
        <div class="row"><button class="button first">{t('Record')}</button><button type="button" class="button" onClick={close}>{t('Cancel')}</button></div>
      </form>
    </Dialog>
  );
}
