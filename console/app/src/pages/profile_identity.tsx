/* Why two are one: the graph, the merges with their reasons, the joins that were refused; undoing, and joining by hand. */
import { useState } from 'preact/hooks';
import { api, ask, type Failure } from '../api';
import { time, times } from '../format';
import { source_title } from '../policy';
import { reason_remedy, reason_text } from '../reasons';
import { may } from '../session';
import { subject_of } from '../subject';
import { IdentityGraph } from '../ui/graph';
import { Icon } from '../ui/icons';
import { Card, Empty, Shown, Tag } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';

export function Identity({ who, through }: { who: string; through: string }) {
  const identity = useAsked(() => ask(api.GET('/v1/identities/{subject}', { params: { path: { subject: who }, query: { purpose: through } } })), [who, through]);
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const [other, set_other] = useState('');
  const act = async (what: Promise<unknown>, done: string) => {
    try {
      await what;
      set_said({ text: done });
      identity.again();
    } catch (cause) {
      set_said({ text: (cause as Failure).message, bad: true });
    }
  };
  const undo = (id: string) => act(ask(api.POST('/v1/identities/{subject}/merges/{id}/undo', { params: { path: { subject: who, id } } })), t('Undone: each side has exactly its own again.'));
  const join = (event: Event) => {
    event.preventDefault();
    const subject = subject_of(other);
    if (subject) void act(ask(api.POST('/v1/identities/{subject}/merges', { params: { path: { subject: who } }, body: { with: subject } })), t('They are one person now.'));
  };
  return (
    <Shown asked={identity}>
      {(data) => (
        <div class="stack">
          <Card title={t('Who is who')} note={t('what {purpose} may not see is drawn without its value', { purpose: through })}><IdentityGraph identity={data} /></Card>
          {said && <p class={`notice ${said.bad ? 'no' : ''}`} role="status">{said.text}</p>}
          <div class="grid cols-2">
            <Card title={t('Merges')} note={t('why two are one')}>
              {!data.merges.length && <Empty title={t('Nothing was merged')}><p>{t('All of this was known of one person from the start.')}</p></Empty>}
              <ul class="stack tight">
                {data.merges.map((merge) => (
                  <li key={merge.id} class="row between line">
                    <span>
                      <Tag tone={merge.undone_at ? 'quiet' : 'held'} icon={merge.undone_at ? 'undo' : 'link'}>{merge.undone_at ? t('undone') : t(`merge ${merge.reason}`)}</Tag>{' '}
                      <span class="break">{merge.through.filter(Boolean).join(' = ')}</span><br /><span class="faint small">{time(merge.at)} · {source_title(merge.source)}</span>
                    </span>
                    {!merge.undone_at && may('privacy') && <button type="button" class="button" onClick={() => void undo(merge.id)}><Icon name="undo" size={16} />{t('Undo')}</button>}
                  </li>
                ))}
              </ul>
              {may('privacy') && (
                <form class="form-row join" onSubmit={join}>
                  <label class="field wide">{t('Say that this is the same person as')}<input value={other} onInput={(e) => set_other(e.currentTarget.value)} placeholder="phone:+36301234567" /></label>
                  <button class="button">{t('Join')}</button>
                </form>
              )}
            </Card>
            <Card title={t('Refused joins')} note={t('what might have been one, and was not joined')}>
              {!data.refused.length && <Empty title={t('No join was refused')} />}
              <ul class="stack tight">
                {data.refused.map((one) => (
                  <li key={one.type + one.reason} class="line">
                    <strong>{one.type}</strong> <span class="faint">{times(one.count)}</span>
                    <p>{reason_text({ code: one.reason })}</p><p class="small muted"><b>{t('To make it a yes:')}</b> {reason_remedy({ code: one.reason })}</p>
                  </li>
                ))}
              </ul>
            </Card>
          </div>
        </div>
      )}
    </Shown>
  );
}
