/* The policy's text: checked as it is typed; what would change in words, and what that does to stored data, before anything is done. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ask, Failure, type Schema } from '../api';
import { number, time } from '../format';
import { BASES, load_policy, policy } from '../policy';
import { href, route, set } from '../route';
import { may } from '../session';
import type { Code } from '../ui/code';
import { Editor as CodeText } from '../ui/editor';
import { Icon } from '../ui/icons';
import { Card, Dialog, Empty, Loading, Shown, Tag, type Tone } from '../ui/parts';
import { useAsked, useRested } from '../use';
import { t } from '../words';

type Problem = Schema<'PolicyProblem'>;
type Change = Schema<'PolicyPlan'>['changes'][number];
type Plan = Schema<'PolicyPlan'>;
const WEIGHTS: Record<string, Tone> = { info: 'quiet', notice: 'held', serious: 'trim', refused: 'no' };
const START = 'controller: { name: "", country: HU, regions: [EU] }\ncategories:\n  email: { dpv: "pd:EmailAddress", identifier: true }\nfields:\n  traits.email: email\npurposes:\n';

function problems_of(cause: unknown): Problem[] | null {
  return cause instanceof Failure && Array.isArray(cause.body.problems) ? (cause.body.problems as Problem[]) : null;
}

/** Names that may stand after a key of the policy, as the text at hand has them. */
function words_for(key: string, whole: string): string[] {
  const section = (name: string): string[] => {
    const lines = whole.split('\n');
    const start = lines.findIndex((line) => line.startsWith(`${name}:`));
    const names: string[] = [];
    for (let i = start + 1; start >= 0 && i < lines.length && !/^\S/.test(lines[i]!.replace(/^#.*/, '')); i++) {
      const found = /^ {2}([\w-]+):/.exec(lines[i]!);
      if (found) names.push(found[1]!);
    }
    return names;
  };
  switch (key) {
    case 'purposes': case 'purpose': case 'compatible_with': return section('purposes');
    case 'categories': case 'default': return section('categories');
    case 'notice': return section('notices');
    case 'topic': case 'topics': return section('topics');
    case 'basis': return [...BASES];
    case 'when_denied': return ['drop', 'hold', 'anonymise'];
    case 'special': case 'identifier': case 'direct_marketing': case 'unique': return ['true', 'false'];
    default: return key.startsWith('traits') || key.startsWith('properties') || key.startsWith('context') ? section('categories') : [];
  }
}

export function Changes({ list }: { list: Change[] }) {
  if (!list.length) return <p class="muted">{t('Nothing changes.')}</p>;
  return <ul class="changes">{list.map((change) => <li key={change.text}><Tag tone={WEIGHTS[change.weight]}>{t(`weight ${change.weight}`)}</Tag><span lang="en">{change.text}</span></li>)}</ul>;
}

function Effects({ plan }: { plan: Plan }) {
  const e = plan.effects;
  const rows: [number, string][] = !e ? [] : [
    [e.people_reconsent, t('people will have to consent again')], [e.people_lost, t('people are lost to a purpose')], [e.facts_erased, t('facts are erased')],
    [e.events_erased, t('events are erased')], [e.deliveries_cancelled, t('deliveries are cancelled')],
  ];
  return (
    <>
      <div class="effects">{rows.map(([n, words]) => <div key={words} class={n ? 'some' : ''}><b>{number(n)}</b><span>{words}</span></div>)}</div>
      {plan.flows_stopped.length > 0 && <div><h3>{t('Flows that stop')}</h3><ul>{plan.flows_stopped.map((flow) => <li key={flow}>{flow}</li>)}</ul></div>}
    </>
  );
}

export function Editor() {
  const current = policy.value;
  const [draft, set_draft] = useState(current?.text ?? START);
  const [notices, set_notices] = useState<Record<string, string>>(current?.notices ?? {});
  const [file, set_file] = useState('');
  const [problems, set_problems] = useState<Problem[]>([]);
  const [warnings, set_warnings] = useState<Change[]>([]);
  const [diff, set_diff] = useState<Change[]>();
  const [checking, set_checking] = useState(false);
  const [plan, set_plan] = useState<Plan | 'busy'>();
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const code = useRef<Code | null>(null);
  const rested = useRested(draft, 450);
  const rested_notices = useRested(notices, 450);
  const body = { policy: rested, notices: rested_notices };
  const changed = draft !== (current?.text ?? '') || JSON.stringify(notices) !== JSON.stringify(current?.notices ?? {});
  const latest = useRef(0);
  useEffect(() => {
    const mine = ++latest.current;
    set_checking(true);
    void (async () => {
      try {
        const checked = await ask(api.POST('/v1/policy/check', { body }));
        if (mine !== latest.current) return;
        set_problems([]);
        set_warnings(checked.warnings);
        if (may('privacy')) {
          const seen = await ask(api.POST('/v1/policy/plan', { params: { query: { count: '0' } }, body }));
          if (mine === latest.current) set_diff(seen.changes);
        }
      } catch (cause) {
        if (mine !== latest.current) return;
        set_problems(problems_of(cause) ?? [{ line: 1, column: 1, text: (cause as Error).message }]);
        set_diff(undefined);
      } finally {
        if (mine === latest.current) set_checking(false);
      }
    })();
  }, [rested, rested_notices]);
  const jump = (problem: Problem) => {
    set_file('');
    setTimeout(() => code.current?.jump(problem.line, problem.column)); // once the policy's text is there again
  };
  const take = (problem: Problem) => {
    const lines = draft.split('\n');
    const line = lines[problem.line - 1];
    if (line === undefined) return;
    const letters = [...line];
    const before = letters.slice(0, problem.column - 1).join('');
    lines[problem.line - 1] = before + line.slice(before.length).replace(/^[^\s,[\]{}:#"']+/, problem.suggestion!);
    set_draft(lines.join('\n'));
  };
  const look = async () => {
    set_plan('busy');
    try {
      set_plan(await ask(api.POST('/v1/policy/plan', { body: { policy: draft, notices } })));
    } catch (cause) {
      set_plan(undefined);
      set_said({ text: (cause as Error).message, bad: true });
    }
  };
  const apply = async () => {
    try {
      const done = await ask(api.POST('/v1/policy', { body: { policy: draft, notices } }));
      await load_policy();
      set_plan(undefined);
      set_said({ text: t('Version {n} is in force. The ledger remembers it.', { n: done.version }) });
    } catch (cause) {
      set_plan(undefined);
      set_said({ text: (cause as Error).message, bad: true });
    }
  };
  return (
    <div class="grid editor-grid">
      <Card flush title={t('Text')} note={changed ? t('changed, not in force') : t('as in force')} end={
        <>
          <select aria-label={t('File')} value={file} onChange={(e) => set_file(e.currentTarget.value)}><option value="">policy.yaml</option>{Object.keys(notices).map((path) => <option key={path}>{path}</option>)}</select>
          {changed && current && <button type="button" class="button" onClick={() => { set_draft(current.text); set_notices(current.notices); }}>{t('Undo all')}</button>}
        </>}>
        {file === '' ? <CodeText key="policy" yaml label={t('The policy’s text')} value={draft} change={set_draft} mistakes={problems} words={words_for} handle={code} />
          : <CodeText key={file} label={file} value={notices[file] ?? ''} change={(text) => set_notices((old) => ({ ...old, [file]: text }))} />}
        <p class="pad small faint">{t('Tab moves on; Ctrl ] indents. F8 goes to the next mistake, Ctrl F finds, Ctrl Space suggests names.')}</p>
      </Card>
      <div class="stack">
        {said && <p class={`notice ${said.bad ? 'no' : ''}`} role="status">{said.text}</p>}
        <Card title={t('Is it valid?')} end={checking ? <Tag icon="clock">{t('Checking …')}</Tag> : problems.length ? <Tag tone="no" icon="no">{t('mistakes: {n}', { n: problems.length })}</Tag> : <Tag tone="yes" icon="yes">{t('valid')}</Tag>}>
          <div aria-live="polite">
            {problems.length > 0 && <ul class="problems">{problems.map((problem, i) => (
              <li key={i}><button type="button" class="as-text" onClick={() => jump(problem)}>{t('line {l}, column {c}', { l: problem.line, c: problem.column })}</button><p lang="en">{problem.text}</p>{problem.suggestion && <p class="small row tight-gap">{t('Did you mean')} <code>{problem.suggestion}</code>? <button type="button" class="button plain" onClick={() => take(problem)}>{t('Write {word}', { word: problem.suggestion })}</button></p>}</li>
            ))}</ul>}
            {!problems.length && !warnings.length && <p class="muted">{t('Nothing to think over.')}</p>}
            {!problems.length && warnings.length > 0 && <Changes list={warnings} />}
          </div>
        </Card>
        {may('privacy') && !problems.length && (
          <Card title={t('What would change')} note={t('in words')} end={changed && <button type="button" class="button first" onClick={() => void look()}>{t('What would it do?')}</button>}>
            {!changed ? <p class="muted">{t('Nothing changes: this is what is in force.')}</p> : diff ? <Changes list={diff} /> : <Loading />}
          </Card>
        )}
      </div>
      {plan && (
        <Dialog title={t('What it would do to stored data')} close={() => set_plan(undefined)}>
          {plan === 'busy' ? <Loading /> : (
            <>
              <Effects plan={plan} />
              <h3>{t('What changes')}</h3>
              <Changes list={plan.changes} />
              {plan.refused && <p class="notice no">{t('A change of this kind is refused: supersede the purpose instead.')}</p>}
              {may('admin') ? <div class="row"><button type="button" class="button first" disabled={plan.refused} onClick={() => void apply()}><Icon name="yes" size={16} />{t('Put it in force')}</button><button type="button" class="button" onClick={() => set_plan(undefined)}>{t('Not yet')}</button></div> : <p class="muted">{t('An admin puts it in force.')}</p>}
            </>
          )}
        </Dialog>
      )}
    </div>
  );
}

export function Versions() {
  const asked = useAsked(() => ask(api.GET('/v1/policy/versions', { params: { query: { limit: 100 } } })), [policy.value?.version]);
  const { version } = route.value.query;
  const one = useAsked(version ? () => ask(api.GET('/v1/policy/versions/{number}', { params: { path: { number: Number(version) } } })) : null, [version]);
  return (
    <Card flush title={t('Versions')} note={t('what was in force when; each stands in the ledger')}>
      <Shown asked={asked} empty={(data) => !data.versions.length && <Empty title={t('No policy was applied yet')} />}>
        {(data) => (
          <table>
            <thead><tr><th>{t('Version')}</th><th>{t('In force since')}</th><th>SHA-256</th><th>{t('Ledger')}</th></tr></thead>
            <tbody>{data.versions.map((v) => <tr key={v.version}><td><button type="button" class="as-text" onClick={() => set({ version: v.version })}>{v.version}</button></td><td>{time(v.activated_at)}</td><td class="mono small break">{v.sha256}</td><td><a href={href('/evidence', { index: v.ledger_index })}>#{v.ledger_index}</a></td></tr>)}</tbody>
          </table>
        )}
      </Shown>
      {version && <Dialog drawer title={t('Version {n}', { n: version })} close={() => set({ version: null }, true)}><Shown asked={one}>{(data) => <pre class="json" tabIndex={0}>{data.policy}</pre>}</Shown></Dialog>}
    </Card>
  );
}
