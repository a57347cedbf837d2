/* The ledger: its head, its entries, that it was only added to, each proven here; the promises checked over the whole store; every no, counted. */
import { useEffect, useState } from 'preact/hooks';
import { api, ask, lines, text, type Failure } from '../api';
import { clock, day, days_text, number, percent, time } from '../format';
import { base64, bytes, checkpoint_signed, entries_of, entries_path, leaf_hash, only_added, parse_checkpoint, type Checkpoint } from '../merkle';
import { reason_remedy, reason_text } from '../reasons';
import { href, route, set } from '../route';
import { may } from '../session';
import { Icon } from '../ui/icons';
import { Bar, Card, Dialog, Empty, Failed, Loading, Page, Shown, Tabs, Tag } from '../ui/parts';
import { prove, Steps, type Checked } from '../ui/proof';
import { useAsked } from '../use';
import { t } from '../words';
import { source_title } from '../policy';
import { days_back } from './consent_rates';
import { ExportCard } from './evidence_export';

const SEEN = 'checkpoint'; // the head that this browser saw last: what is public anyway

interface Head { checkpoint: Checkpoint; note: string; key: string; signed: boolean; before?: Checkpoint; added?: boolean }

async function head(): Promise<Head> {
  const [note, key] = await Promise.all([text('/v1/evidence/checkpoint'), text('/v1/evidence/key')]);
  const checkpoint = parse_checkpoint(note);
  if (!globalThis.crypto?.subtle) return { checkpoint, note, key, signed: false };
  const signed = await checkpoint_signed(checkpoint, key);
  const kept = localStorage.getItem(SEEN);
  let before: Checkpoint | undefined, added: boolean | undefined;
  if (kept) {
    const old = parse_checkpoint(kept);
    if (old.origin === checkpoint.origin && old.size > 0 && (await checkpoint_signed(old, key))) {
      before = old;
      if (old.size > checkpoint.size) added = false;
      else {
        const proof = await ask(api.GET('/v1/evidence/proof/consistency', { params: { query: { from: String(old.size), to: String(checkpoint.size) } } }));
        added = await only_added(old.size, checkpoint.size, old.root, checkpoint.root, proof.path.map(bytes));
      }
    }
  }
  if (signed && added !== false) localStorage.setItem(SEEN, note);
  return { checkpoint, note, key, signed, before, added };
}

interface Entry { index: number; value: Record<string, unknown> | string; hash: string }

async function newest(size: number, count: number): Promise<Entry[]> {
  const list: Entry[] = [];
  for (let end = size; end > 0 && list.length < count; end = Math.floor((end - 1) / 256) * 256) {
    const first = Math.floor((end - 1) / 256) * 256;
    const reply = await fetch(entries_path(first, size), { credentials: 'same-origin' });
    if (!reply.ok) break;
    const found = entries_of(new Uint8Array(await reply.arrayBuffer()));
    for (let i = Math.min(found.length, end - first) - 1; i >= 0 && list.length < count; i--) {
      let value: Entry['value'] = base64(found[i]!);
      try {
        value = JSON.parse(new TextDecoder().decode(found[i]!)) as Record<string, unknown>;
      } catch {
        /* shown as it is */
      }
      list.push({ index: first + i, value, hash: base64(await leaf_hash(found[i]!)) });
    }
  }
  return list;
}

const KINDS = ['consent', 'merge', 'undo', 'disclosure', 'recall', 'right', 'policy', 'erasure', 'keys', 'restore', 'decisions', 'reads', 'access', 'denials', 'notice'];
function kind_of(value: Entry['value']): string {
  if (typeof value === 'string') return '–';
  const kind = String(value.kind ?? '–');
  return KINDS.includes(kind) ? t(`leaf ${kind}`) : kind.replace(/_/g, ' ');
}
const when_of = (value: Entry['value']): string => (typeof value === 'string' || !value.at ? '–' : `${day(String(value.at))} ${clock(String(value.at))}`);

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** What an entry says in clear: how many it stands for, or what it records. What is about a person is a commitment, and says nothing here. */
function what_of(value: Entry['value']): string {
  if (typeof value === 'string') return '';
  const record = value.record as Record<string, unknown> | undefined;
  if (record && typeof record === 'object')
    return Object.entries(record).filter(([, one]) => typeof one !== 'object').sort(([a], [b]) => Number(b === 'what') - Number(a === 'what')).slice(0, 3)
      .map(([key, one]) => `${key}: ${UUID.test(String(one)) ? `…${String(one).slice(-6)}` : String(one).replace(/_/g, ' ').slice(0, 24)}`).join(' · ');
  if (value.count !== undefined) return t('{n} in one, under a root of their own', { n: number(Number(value.count)) });
  return value.commitment ? t('about a person: a commitment, which says nothing by itself') : '';
}

function Ledger() {
  const { index } = route.value.query;
  const asked = useAsked(head, [], 0);
  const entries = useAsked(asked.data ? () => newest(asked.data!.checkpoint.size, 60) : null, [asked.data?.checkpoint.size]);
  const [checked, set_checked] = useState<Checked | Failure>();
  useEffect(() => {
    set_checked(undefined);
    if (index !== undefined) prove(Number(index)).then(set_checked, (cause: Failure) => set_checked(cause));
  }, [index]);
  return (
    <div class="stack">
      <Shown asked={asked}>
        {(data) => (
          <div class="grid cols-2">
            <Card title={t('The head of the ledger')} end={<button type="button" class="button" onClick={asked.again}>{t('Look again')}</button>}>
              <dl class="pairs">
                <dt>{t('Ledger')}</dt><dd class="mono small break">{data.checkpoint.origin}</dd>
                <dt>{t('Entries')}</dt><dd><strong>{number(data.checkpoint.size)}</strong></dd>
                <dt>{t('Root')}</dt><dd class="mono small break">{base64(data.checkpoint.root)}</dd>
                <dt>{t('Signature')}</dt><dd><Tag tone={data.signed ? 'yes' : 'no'} icon={data.signed ? 'yes' : 'no'}>{data.signed ? t('verified in this browser') : globalThis.crypto?.subtle ? t('not right') : t('not checked: this address is not secure')}</Tag></dd>
                <dt>{t('Since you last looked')}</dt><dd>{data.added === undefined ? t('this is the first head that this browser sees') : data.added ? <><Tag tone="yes" icon="yes">{t('only added to')}</Tag> {t('{n} entries more', { n: number(data.checkpoint.size - (data.before?.size ?? 0)) })}</> : <Tag tone="no" icon="alert">{t('the ledger was rewritten')}</Tag>}</dd>
              </dl>
            </Card>
            <Card title={t('For others to check')} note={t('nothing here needs to be believed')}>
              <p class="muted">{t('Give anyone the public key and these files; they verify offline, with our tool or their own.')}</p>
              <dl class="pairs"><dt>{t('Key')}</dt><dd class="mono small break">{data.key}</dd></dl>
              <p class="row"><a class="button" href="/v1/evidence/key" download="telos.pub"><Icon name="down" size={16} />{t('Key')}</a><a class="button" href="/v1/evidence/checkpoint" download="checkpoint.txt"><Icon name="down" size={16} />{t('Checkpoint')}</a></p>
            </Card>
          </div>
        )}
      </Shown>
      {may('check') && <ExportCard />}
      <Card flush title={t('Entries')} note={t('newest first; an entry names no person in clear')} end={
        <form class="row" onSubmit={(e) => { e.preventDefault(); const n = new FormData(e.currentTarget).get('n'); if (n !== null && n !== '') set({ index: String(n) }); }}><input name="n" type="number" min="0" class="narrow" aria-label={t('Number of an entry')} placeholder="#" /><button class="button">{t('Prove')}</button></form>}>
        {entries.data ? (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Entries')}><table><thead><tr><th class="num">#</th><th>{t('When')}</th><th>{t('Kind')}</th><th>{t('What')}</th><th>{t('Hash')}</th></tr></thead><tbody>
            {entries.data.map((entry) => <tr key={entry.index} class="pick" onClick={() => set({ index: entry.index })}><td class="num"><button type="button" class="as-text" onClick={() => set({ index: entry.index })}>{entry.index}</button></td><td class="nowrap small">{when_of(entry.value)}</td><td class="nowrap">{kind_of(entry.value)}</td><td class="small muted break">{what_of(entry.value)}</td><td class="mono small">{entry.hash.slice(0, 14)}…</td></tr>)}
          </tbody></table></div>
        ) : entries.failure ? <Failed failure={entries.failure} again={entries.again} /> : <Loading />}
      </Card>
      {index !== undefined && (
        <Dialog drawer title={t('Entry {n}', { n: index })} close={() => set({ index: null }, true)}>
          {checked === undefined ? <Loading /> : 'steps' in checked ? <Steps checked={checked} /> : <p class="notice no" role="alert">{checked.message}</p>}
        </Dialog>
      )}
    </div>
  );
}

const PROMISES: Record<string, string> = {
  P1: 'No datum without a purpose, and a basis that holds now', P2: 'The basis was in force, and in the ledger, before the first datum', P3: 'Nothing leaves without a decision made at that moment',
  P4: 'Evidence cannot be rewritten', P5: 'Acknowledged means durable', P6: 'A profile is derived, never authored', P7: 'What is stored is sealed',
};

function Check() {
  const [state, set_state] = useState<{ done: number; all: number; findings: { promise: string; where: string; what: string }[]; result?: { violations: number; at: string }; problem?: string }>();
  const run = async () => {
    set_state({ done: 0, all: 1, findings: [] });
    try {
      await lines('/v1/audit/check', (line) => set_state((old) => {
        const now = old ?? { done: 0, all: 1, findings: [] };
        if (line.progress) return { ...now, ...(line.progress as { done: number; all: number }) };
        if (line.finding) return { ...now, findings: [...now.findings, line.finding as { promise: string; where: string; what: string }] };
        if (line.problem) return { ...now, problem: String((line.problem as { detail?: string }).detail ?? '') };
        return { ...now, done: now.all, result: line.result as { violations: number; at: string } };
      }), { method: 'POST' });
    } catch (cause) {
      set_state({ done: 0, all: 1, findings: [], problem: (cause as Failure).message });
    }
  };
  return (
    <Card title={t('Do the promises hold?')} note={t('P1 to P7, over everything that is stored')} end={<button type="button" class="button first" disabled={!!state && !state.result && !state.problem} onClick={() => void run()}>{t('Verify now')}</button>}>
      <ul class="promises">{Object.entries(PROMISES).map(([name, words]) => {
        const broken = state?.findings.filter((f) => f.promise === name).length ?? 0;
        return <li key={name}><b class="mono">{name}</b><span>{t(words)}</span>{state?.result ? <Tag tone={broken ? 'no' : 'yes'} icon={broken ? 'no' : 'yes'}>{broken ? t('broken {n} times', { n: broken }) : t('holds')}</Tag> : <Tag>{t('not checked yet')}</Tag>}</li>;
      })}</ul>
      {state && !state.result && !state.problem && <div role="status"><Bar label={t('Progress')} parts={[{ value: state.done, tone: 'yes', title: t('looked at') }, { value: Math.max(0, state.all - state.done), tone: 'rest', title: t('to do') }]} /><p class="small muted">{number(state.done)} / {number(state.all)}</p></div>}
      {state?.problem && <p class="notice no" role="alert">{state.problem}</p>}
      {state?.result && <p class={`notice ${state.result.violations ? 'no' : ''}`} role="status">{state.result.violations ? t('{n} violations were found.', { n: state.result.violations }) : t('No violation. Everything that is stored has a purpose and a basis today.')} <span class="small">{time(state.result.at)}</span></p>}
      {(state?.findings.length ?? 0) > 0 && <table><thead><tr><th>{t('Promise')}</th><th>{t('Where')}</th><th>{t('What')}</th></tr></thead><tbody>{state!.findings.map((f, i) => <tr key={i}><td>{f.promise}</td><td>{f.where}</td><td>{f.what}</td></tr>)}</tbody></table>}
    </Card>
  );
}

const GROUPS = ['reason', 'day', 'source', 'what', 'field'] as const;

function Denials() {
  const by = (route.value.query.by ?? 'reason') as (typeof GROUPS)[number];
  const days = Number(route.value.query.days) || 1;
  const asked = useAsked(() => ask(api.GET('/v1/denials', { params: { query: { by, from: days_back(days - 1) } } })), [by, days], 10_000);
  const most = Math.max(1, ...(asked.data?.denials ?? []).map((d) => d.count));
  return (
    <Card flush title={t('Every no, counted')} note={asked.data ? t('{n} in {d}; no person in it', { n: number(asked.data.total), d: days_text(days) }) : undefined} end={
      <>{GROUPS.map((one) => <button key={one} type="button" class="button plain" aria-pressed={one === by} onClick={() => set({ by: one }, true)}>{t(`group ${one}`)}</button>)}
        <select aria-label={t('Period')} value={days} onChange={(e) => set({ days: e.currentTarget.value }, true)}>{[1, 7, 30, 90, 365].map((n) => <option key={n} value={n}>{days_text(n)}</option>)}</select></>}>
      <Shown asked={asked} empty={(data) => !data.total && <Empty title={t('Nothing was denied in this time')} />}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Every no, counted')}><table>
            <thead><tr>{by !== 'reason' && <th>{t(`group ${by}`)}</th>}<th>{t('Why')}</th><th>{t('To make it a yes')}</th><th class="num">{t('Times')}</th><th class="wide-bar"><span class="hidden-text">{t('Share')}</span></th></tr></thead>
            <tbody>{data.denials.slice(0, 300).map((d, i) => (
              <tr key={i}>{by !== 'reason' && <td>{by === 'day' ? day(d.day) : by === 'source' ? source_title(d.source ?? '') || '–' : by === 'what' ? t(`denied ${d.what}`) : <code>{d.field || '–'}</code>}</td>}
                <td>{reason_text({ code: d.reason, text: d.text })} <code class="faint small">{d.reason}</code></td><td class="muted small">{reason_remedy({ code: d.reason })}</td><td class="num">{number(d.count)} <span class="faint small">{percent(d.count, data.total)}</span></td>
                <td><Bar label={d.reason} parts={[{ value: d.count, tone: 'no', title: d.reason }, { value: most - d.count, tone: 'rest', title: t('others') }]} /></td></tr>
            ))}</tbody>
          </table>{data.denials.length > 300 && <p class="pad small muted">{t('{n} more rows: choose a coarser group.', { n: data.denials.length - 300 })}</p>}</div>
        )}
      </Shown>
    </Card>
  );
}

export default function Evidence() {
  const tab = route.value.query.tab ?? 'ledger';
  return (
    <Page title={t('Evidence')} lead={t('What Telos did can be shown to anyone, and checked without trusting it.')}>
      <Tabs label={t('Views of the evidence')} at={tab} link={(id) => href('/evidence', { tab: id === 'ledger' ? null : id })} tabs={[{ id: 'ledger', title: t('Ledger') }, ...(may('check') ? [{ id: 'check', title: t('Verify now') }] : []), { id: 'denials', title: t('Every no') }]} />
      {tab === 'ledger' && <Ledger />}
      {tab === 'check' && may('check') && <Check />}
      {tab === 'denials' && <Denials />}
    </Page>
  );
}
