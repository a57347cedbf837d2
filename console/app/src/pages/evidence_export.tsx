/* The evidence as a ZIP for an audit: made by the server while it is sent, taken in here piece by piece, and saved when it is whole. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ask, Failure, failure } from '../api';
import { number } from '../format';
import { may, offline, session } from '../session';
import { save_blob } from '../save';
import { Icon } from '../ui/icons';
import { Bar, Card } from '../ui/parts';
import { t } from '../words';
import { days_back } from './consent_rates';

const PIECE = 16 * 1024 * 1024; // what lies in memory at most; a Blob may lie on disk

interface Going { bytes: number; done: number; all: number }

const megabytes = (bytes: number): string => t('{n} MB', { n: (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0) });

async function taken(reply: Response, told: (bytes: number) => void): Promise<Blob> {
  const reader = reply.body!.getReader();
  let whole = new Blob([], { type: 'application/zip' });
  let pieces: BlobPart[] = [];
  let held = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (value) {
      pieces.push(value as BlobPart);
      held += value.byteLength;
    }
    if (done || held >= PIECE) {
      whole = new Blob([whole, ...pieces], { type: 'application/zip' });
      pieces = [];
      held = 0;
    }
    told(whole.size + held);
    if (done) return whole;
  }
}

/** A ZIP that broke off lacks its directory, which ends with this. */
async function is_whole(blob: Blob): Promise<boolean> {
  const end = new Uint8Array(await blob.slice(Math.max(0, blob.size - 22)).arrayBuffer());
  return end[0] === 0x50 && end[1] === 0x4b && end[2] === 5 && end[3] === 6;
}

export function ExportCard() {
  const [from, set_from] = useState(days_back(90));
  const [to, set_to] = useState('');
  const [opened, set_opened] = useState(false);
  const [going, set_going] = useState<Going>();
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const stop = useRef<AbortController>();
  useEffect(() => () => stop.current?.abort(), []);
  useEffect(() => {
    if (!going) return;
    const timer = setInterval(() => {
      ask(api.GET('/v1/jobs', {})).then((data) => {
        const mine = data.jobs.find((job) => job.own && job.what === 'evidence_export');
        if (mine) set_going((old) => old && { ...old, done: mine.done, all: mine.all });
      }, () => undefined);
    }, 500);
    return () => clearInterval(timer);
  }, [!going]);
  const run = async (event: Event) => {
    event.preventDefault();
    set_said(undefined);
    set_going({ bytes: 0, done: 0, all: 0 });
    stop.current = new AbortController();
    const query = new URLSearchParams({ ...(from ? { from } : {}), ...(to ? { to: `${to}T23:59:59.999Z` } : {}), ...(opened ? { records: 'opened' } : {}) });
    try {
      const reply = await fetch(`/v1/audit/export?${query.toString()}`, { credentials: 'same-origin', headers: { 'Telos-Console': '1' }, signal: stop.current.signal });
      offline.value = false;
      if (!reply.ok) throw failure(reply.status, await reply.json().catch(() => ({})));
      const blob = await taken(reply, (bytes) => set_going((old) => old && { ...old, bytes }));
      if (!(await is_whole(blob))) throw new Failure('broken', '', t('The export broke off. The server’s log says why.'));
      save_blob(/filename="([^"]+)"/.exec(reply.headers.get('Content-Disposition') ?? '')?.[1] ?? 'telos-evidence.zip', blob);
      set_said({ text: t('The export is whole: {size}.', { size: megabytes(blob.size) }) });
    } catch (cause) {
      if ((cause as Error).name === 'AbortError') set_said({ text: t('Stopped; nothing was saved.') });
      else set_said({ text: cause instanceof Failure ? cause.message : t('The server does not answer'), bad: true });
    } finally {
      set_going(undefined);
    }
  };
  const whole_person = session.value?.purposes.includes('*');
  return (
    <Card title={t('Export for an audit')} note={t('a ZIP that anyone can check offline')}>
      <div class="stack tight">
      <form class="stack tight" onSubmit={(event) => void run(event)}>
        <div class="form-row">
          <label class="field">{t('From')}<input type="date" value={from} onInput={(e) => set_from(e.currentTarget.value)} /></label>
          <label class="field">{t('Until')}<input type="date" value={to} onInput={(e) => set_to(e.currentTarget.value)} /></label>
        </div>
        {may('privacy') && whole_person && (
          <label class="pick"><input type="checkbox" checked={opened} onChange={(e) => set_opened(e.currentTarget.checked)} />{t('with the records in clear: personal data, and each is a recorded read')}</label>
        )}
        <div class="row">
          <button class="button first" disabled={!!going}><Icon name="down" size={16} />{t('Export')}</button>
          {going && <button type="button" class="button" onClick={() => stop.current?.abort()}>{t('Stop')}</button>}
        </div>
        {going && (
          <div role="status">
            {going.all > 0 && <Bar label={t('Progress')} parts={[{ value: going.done, tone: 'yes', title: t('written') }, { value: Math.max(0, going.all - going.done), tone: 'rest', title: t('to do') }]} />}
            <p class="small muted">{going.all > 0 ? t('{done} of {all} entries', { done: number(going.done), all: number(going.all) }) : t('It is being made …')} · {megabytes(going.bytes)}</p>
          </div>
        )}
        {said && <p class={`notice ${said.bad ? 'no' : ''}`} role={said.bad ? 'alert' : 'status'}>{said.text}</p>}
      </form>
      <p class="small muted">{t('Whoever gets it unpacks it and checks it without us; nothing of it needs to be believed:')}</p>
      <pre class="json">unzip telos-evidence-*.zip -d evidence{'\n'}telos verify evidence --key telos.pub</pre>
      </div>
    </Card>
  );
}
