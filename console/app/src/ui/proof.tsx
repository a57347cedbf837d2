/* A proof with its steps, checked in this browser. */
import { useState } from 'preact/hooks';
import { api, ask, text } from '../api';
import { number } from '../format';
import { bytes, base64, check_inclusion, entries_of, entries_path, leaf_hash, type Inclusion, type Step } from '../merkle';
import { t } from '../words';
import { Icon } from './icons';
import { Tag } from './parts';

const WORDS: Record<Step['what'], string> = {
  leaf: 'This is the entry’s hash',
  root: 'The path leads from it to the root of the ledger’s head',
  signature: 'The head is signed by the key of this server (Ed25519)',
  added: 'The ledger was only added to',
};

export interface Checked {
  index: number;
  size: number;
  steps: Step[];
  entry?: unknown;
}

/** The entry itself, out of its bundle: its hash is made here. */
export async function entry_at(index: number, size: number): Promise<{ entry: unknown; hash: string }> {
  const response = await fetch(entries_path(index, size), { credentials: 'same-origin' });
  if (!response.ok) throw new Error(t('the entry cannot be read'));
  const list = entries_of(new Uint8Array(await response.arrayBuffer()));
  const mine = list[index % 256];
  if (!mine) throw new Error(t('the entry cannot be read'));
  let shown: unknown = base64(mine);
  try {
    shown = JSON.parse(new TextDecoder().decode(mine));
  } catch {
    /* not JSON: shown as it is */
  }
  return { entry: shown, hash: base64(await leaf_hash(mine)) };
}

export async function prove(index: number, leaf?: string): Promise<Checked> {
  if (!globalThis.crypto?.subtle) throw new Error(t('This browser checks signatures on secure addresses only: open the console by https or on localhost.'));
  const [proof, key] = await Promise.all([ask(api.GET('/v1/evidence/proof/{index}', { params: { path: { index } } })), text('/v1/evidence/key')]);
  const own = await entry_at(index, proof.size);
  if (leaf && base64(bytes(leaf)) !== own.hash) return { index, size: proof.size, entry: own.entry, steps: [{ what: 'leaf', ok: false, detail: own.hash }] };
  return { index, size: proof.size, entry: own.entry, steps: await check_inclusion(proof as Inclusion, own.hash, key) };
}

export function Proof({ index, leaf, what }: { index: number; leaf?: string; what?: string }) {
  const [checked, set] = useState<Checked | 'busy' | Error>();
  const run = () => {
    set('busy');
    prove(index, leaf).then(set, (cause: Error) => set(cause));
  };
  if (checked === undefined) return <button type="button" class="button" onClick={run}><Icon name="evidence" size={16} />{t('Verify here')} <span class="faint small">#{number(index)}</span>{what && <span class="hidden-text">{what}</span>}</button>;
  if (checked === 'busy') return <Tag icon="clock">{t('Checking …')}</Tag>;
  if (checked instanceof Error) return <p class="notice no" role="alert">{checked.message}</p>;
  return <Steps checked={checked} />;
}

export function Steps({ checked }: { checked: Checked }) {
  const good = checked.steps.every((step) => step.ok);
  return (
    <div class="proof" role="status">
      <p class="row"><Tag tone={good ? 'yes' : 'no'} icon={good ? 'yes' : 'no'}>{good ? t('proven') : t('not proven')}</Tag><span class="small">{t('entry {i} of {n}', { i: number(checked.index), n: number(checked.size) })}</span></p>
      <ol>
        {checked.steps.map((step) => (
          <li key={step.what}>
            <Icon name={step.ok ? 'yes' : 'no'} size={15} />
            <span>{t(WORDS[step.what])}<code class="small faint break">{step.detail}</code></span>
          </li>
        ))}
      </ol>
      {checked.entry !== undefined && <details><summary class="small">{t('The entry')}</summary><pre class="json">{JSON.stringify(checked.entry, null, 2)}</pre></details>}
    </div>
  );
}
