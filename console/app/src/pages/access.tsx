/* Who may see what: users, roles and their purposes, tokens, sessions; and who read whose data. */
import { useState } from 'preact/hooks';
import { api, ask, json, type Failure, type Schema } from '../api';
import { ago, day, time } from '../format';
import { policy } from '../policy';
import { href, route, set } from '../route';
import { may, session, type Role } from '../session';
import { change_password } from '../sign';
import { subject_of } from '../subject';
import { Icon } from '../ui/icons';
import { Card, Dialog, Empty, Page, PurposeChip, Shown, Tabs, Tag } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';

const ROLES: Role[] = ['admin', 'privacy', 'marketer', 'agent', 'auditor'];
const MAY: Record<Role, string> = {
  admin: 'everything', privacy: 'persons, statements, rights, audits', agent: 'persons and statements; opens requests', marketer: 'persons, through the gate', auditor: 'policy and evidence; no personal data',
};

type User = Schema<'User'>;

function PurposesPick({ value, change }: { value: string[]; change: (list: string[]) => void }) {
  const all = value.includes('*');
  return (
    <fieldset class="picks"><legend class="small">{t('For which purposes')}</legend>
      <label class="pick"><input type="checkbox" checked={all} onChange={(e) => change(e.currentTarget.checked ? ['*'] : [])} />{t('every purpose')}</label>
      {!all && (policy.value?.purposes ?? []).map((p) => (
        <label class="pick" key={p.name}><input type="checkbox" checked={value.includes(p.name)} onChange={(e) => change(e.currentTarget.checked ? [...value, p.name] : value.filter((one) => one !== p.name))} />{p.name}</label>
      ))}
    </fieldset>
  );
}

function PurposesShown({ list }: { list: string[] | undefined }) {
  if (!list?.length) return <>–</>;
  return list.includes('*') ? <Tag>{t('every purpose')}</Tag> : <span class="row tight-gap">{list.map((name) => <PurposeChip key={name} name={name} />)}</span>;
}

function Once({ title, value, close }: { title: string; value: string; close: () => void }) {
  return (
    <Dialog title={title} close={close}>
      <p>{t('It is shown this once. Copy it now.')}</p>
      <pre class="json" tabIndex={0}>{value}</pre>
      <div class="row"><button type="button" class="button" onClick={() => void navigator.clipboard?.writeText(value)}>{t('Copy')}</button><button type="button" class="button first" onClick={close}>{t('Done')}</button></div>
    </Dialog>
  );
}

function UserForm({ user, close, done }: { user?: User; close: () => void; done: (link?: string) => void }) {
  const [name, set_name] = useState(user?.name ?? '');
  const [title, set_title] = useState(user?.title ?? '');
  const [email, set_email] = useState(user?.email ?? '');
  const [role, set_role] = useState<Role>(user?.role ?? 'agent');
  const [purposes, set_purposes] = useState<string[]>(user?.purposes ?? []);
  const [problem, set_problem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      if (user) {
        await json(`/v1/users/${user.id}`, 'PATCH', { title, email, role, purposes });
        done();
      } else {
        const made = await json<{ link?: string }>('/v1/users', 'POST', { name: name.trim(), ...(title ? { title } : {}), ...(email ? { email } : {}), role, purposes });
        done(made.link);
      }
    } catch (cause) {
      set_problem((cause as Failure).message);
    }
  };
  return (
    <Dialog title={user ? user.name : t('New user')} close={close}>
      <form class="plain-form" onSubmit={(e) => void submit(e)}>
        {!user && <label class="field">{t('Name to sign in with')}<input required value={name} onInput={(e) => set_name(e.currentTarget.value)} /></label>}
        <div class="form-row"><label class="field">{t('Person’s name')}<input value={title} onInput={(e) => set_title(e.currentTarget.value)} /></label><label class="field">{t('E-mail address')}<input type="email" value={email} onInput={(e) => set_email(e.currentTarget.value)} /></label></div>
        <label class="field">{t('Role')}<select value={role} onChange={(e) => set_role(e.currentTarget.value as Role)}>{ROLES.map((one) => <option key={one} value={one}>{t(`role ${one}`)} – {t(MAY[one])}</option>)}</select></label>
        <PurposesPick value={purposes} change={set_purposes} />
        {problem && <p class="notice no" role="alert">{problem}</p>}
        <div class="row"><button class="button first">{user ? t('Save') : t('Make')}</button><button type="button" class="button" onClick={close}>{t('Cancel')}</button></div>
      </form>
    </Dialog>
  );
}

function Users() {
  const asked = useAsked(() => ask(api.GET('/v1/users')), []);
  const [form, set_form] = useState<User | 'new'>();
  const [link, set_link] = useState<string>();
  const [problem, set_problem] = useState('');
  const act = (what: Promise<unknown>) => what.then(() => { set_problem(''); asked.again(); }, (cause: Failure) => set_problem(cause.message));
  return (
    <Card flush title={t('Users')} note={t('a user sees what role and purposes allow, and nothing else')} end={<button type="button" class="button first" onClick={() => set_form('new')}><Icon name="plus" size={16} />{t('New user')}</button>}>
      {problem && <p class="notice no" role="alert">{problem}</p>}
      <Shown asked={asked} empty={(data) => !data.users.length && <Empty title={t('No user yet')} />}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Users')}><table>
            <thead><tr><th>{t('Name')}</th><th>{t('Role')}</th><th>{t('Purposes')}</th><th>{t('Since')}</th><th><span class="hidden-text">{t('Do')}</span></th></tr></thead>
            <tbody>{data.users.map((user) => (
              <tr key={user.id}>
                <td><strong>{user.title || user.name}</strong> {user.id === session.value?.id && <Tag tone="held">{t('you')}</Tag>} {user.disabled && <Tag tone="no">{t('closed')}</Tag>}<br /><span class="faint small">{user.name}{user.email ? ` · ${user.email}` : ''}</span></td>
                <td>{t(`role ${user.role}`)}</td><td><PurposesShown list={user.purposes} /></td><td class="nowrap">{user.created_at ? day(user.created_at) : '–'}</td>
                <td><span class="row"><button type="button" class="button plain" onClick={() => set_form(user)}>{t('Change')}</button>
                  <button type="button" class="button plain" onClick={() => ask(api.POST('/v1/users/{id}/link', { params: { path: { id: user.id } }, body: {} })).then((made) => set_link(made.link), (cause: Failure) => set_problem(cause.message))}>{t('One-time link')}</button>
                  {user.id !== session.value?.id && <button type="button" class="button plain" onClick={() => void act(ask(api.PATCH('/v1/users/{id}', { params: { path: { id: user.id } }, body: { disabled: !user.disabled } })))}>{user.disabled ? t('Open again') : t('Close')}</button>}</span></td>
              </tr>
            ))}</tbody></table></div>
        )}
      </Shown>
      {form && <UserForm user={form === 'new' ? undefined : form} close={() => set_form(undefined)} done={(made) => { set_form(undefined); set_link(made); asked.again(); }} />}
      {link && <Once title={t('A one-time link for the user')} value={link} close={() => set_link(undefined)} />}
    </Card>
  );
}

function Tokens() {
  const asked = useAsked(() => ask(api.GET('/v1/tokens')), []);
  const [making, set_making] = useState(false);
  const [made, set_made] = useState<string>();
  const [role, set_role] = useState<Schema<'TokenRequest'>['role']>('agent');
  const [purposes, set_purposes] = useState<string[]>([]);
  const [source, set_source] = useState('');
  const [label, set_label] = useState('');
  const [problem, set_problem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const done = await ask(api.POST('/v1/tokens', { body: { role, ...(role === 'source' ? { source } : { purposes }), ...(label ? { label } : {}) } }));
      set_making(false);
      set_made(done.token);
      asked.again();
    } catch (cause) {
      set_problem((cause as Failure).message);
    }
  };
  const revoke = (id: string) => ask(api.DELETE('/v1/tokens/{id}', { params: { path: { id } } })).then(asked.again, (cause: Failure) => set_problem(cause.message));
  return (
    <Card flush title={t('Tokens')} note={t('for programs; a source’s write key can write, never read')} end={<button type="button" class="button first" onClick={() => set_making(true)}><Icon name="plus" size={16} />{t('New token')}</button>}>
      <Shown asked={asked} empty={(data) => !data.tokens.length && <Empty title={t('No token yet')} />}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Tokens')}><table>
            <thead><tr><th>{t('Label')}</th><th>{t('Role')}</th><th>{t('Purposes')}</th><th>{t('Made')}</th><th>{t('State')}</th><th><span class="hidden-text">{t('Do')}</span></th></tr></thead>
            <tbody>{data.tokens.map((token) => (
              <tr key={token.id}><td>{token.label || <span class="faint mono small">{token.id.slice(-12)}</span>}</td><td>{t(`role ${token.role}`)} {token.source}</td><td><PurposesShown list={token.purposes} /></td><td class="nowrap">{day(token.created_at)}</td>
                <td>{token.revoked_at ? <Tag tone="no">{t('revoked')}</Tag> : token.expires_at ? <span class="small">{t('until {at}', { at: day(token.expires_at) })}</span> : <Tag tone="yes">{t('valid')}</Tag>}</td>
                <td class="row"><a class="button plain" href={href('/access', { tab: 'reads', token: token.id })}>{t('What it read')}</a>{!token.revoked_at && <button type="button" class="button plain" onClick={() => void revoke(token.id)}>{t('Revoke')}</button>}</td></tr>
            ))}</tbody></table></div>
        )}
      </Shown>
      {making && (
        <Dialog title={t('New token')} close={() => set_making(false)}>
          <form class="plain-form" onSubmit={(e) => void submit(e)}>
            <div class="form-row"><label class="field">{t('Label')}<input value={label} onInput={(e) => set_label(e.currentTarget.value)} /></label>
              <label class="field">{t('Role')}<select value={role} onChange={(e) => set_role(e.currentTarget.value as typeof role)}>{[...ROLES, 'source' as const].map((one) => <option key={one} value={one}>{t(`role ${one}`)}</option>)}</select></label></div>
            {role === 'source' ? <label class="field">{t('Source')}<select required value={source} onChange={(e) => set_source(e.currentTarget.value)}><option value="" disabled>{t('choose')}</option>{(policy.value?.sources ?? []).map((s) => <option key={s.name}>{s.name}</option>)}</select></label> : <PurposesPick value={purposes} change={set_purposes} />}
            {problem && <p class="notice no" role="alert">{problem}</p>}
            <div class="row"><button class="button first">{t('Make')}</button><button type="button" class="button" onClick={() => set_making(false)}>{t('Cancel')}</button></div>
          </form>
        </Dialog>
      )}
      {made && <Once title={t('The token')} value={made} close={() => set_made(undefined)} />}
    </Card>
  );
}

function Sessions() {
  const asked = useAsked(async () => {
    const { sessions } = await ask(api.GET('/v1/sessions', { params: { query: may('admin') ? { user: '*' } : {} } }));
    const users = may('admin') ? (await ask(api.GET('/v1/users'))).users : session.value ? [session.value] : [];
    return { sessions, names: new Map(users.map((user) => [user.id, user.title || user.name])) };
  }, [], 15_000);
  return (
    <Card flush title={t('Sessions')} note={may('admin') ? t('everybody’s') : t('yours')}>
      <Shown asked={asked} empty={(data) => !data.sessions.length && <Empty title={t('No session')} />}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('Sessions')}><table><thead><tr><th>{t('User')}</th><th>{t('Since')}</th><th>{t('Last seen')}</th><th>{t('Ends')}</th><th><span class="hidden-text">{t('Do')}</span></th></tr></thead>
            <tbody>{data.sessions.map((one) => <tr key={one.id}><td>{data.names.get(one.user) ?? one.user} {one.current && <Tag tone="held">{t('this one')}</Tag>}</td><td class="nowrap">{time(one.created_at)}</td><td>{ago(one.seen_at)}</td><td class="nowrap">{time(one.expires_at)}</td><td>{!one.current && <button type="button" class="button plain" onClick={() => void ask(api.DELETE('/v1/sessions/{id}', { params: { path: { id: one.id } } })).then(asked.again, asked.again)}>{t('End')}</button>}</td></tr>)}</tbody></table></div>
        )}
      </Shown>
    </Card>
  );
}

function Password() {
  const [old, set_old] = useState('');
  const [next, set_next] = useState('');
  const [said, set_said] = useState<{ text: string; bad?: boolean }>();
  const submit = (event: Event) => {
    event.preventDefault();
    change_password(old, next).then(() => { set_said({ text: t('Changed. Your other sessions have ended.') }); set_old(''); set_next(''); }, (cause: Failure) => set_said({ text: cause.message, bad: true }));
  };
  return (
    <Card title={t('Your password')}>
      <form class="form-row" onSubmit={submit}>
        <label class="field">{t('Present password')}<input type="password" required autocomplete="current-password" value={old} onInput={(e) => set_old(e.currentTarget.value)} /></label>
        <label class="field">{t('New password')}<input type="password" required minLength={12} maxLength={256} autocomplete="new-password" value={next} onInput={(e) => set_next(e.currentTarget.value)} /></label>
        <button class="button">{t('Change')}</button>
      </form>
      {said && <p class={`notice ${said.bad ? 'no' : ''}`} role="status">{said.text}</p>}
    </Card>
  );
}

function Reads() {
  const { who, token, cursor, from } = route.value.query;
  const subject = who && may('privacy') ? (subject_of(who) ?? undefined) : undefined;
  const asked = useAsked(() => ask(api.GET('/v1/reads', { params: { query: { subject, token, from, limit: 100, cursor } } })), [subject, token, from, cursor], cursor ? 0 : 10_000);
  return (
    <Card flush title={t('Who read whose data')} note={t('each look is in the ledger')}>
      <form class="form-row pad" onSubmit={(e) => { e.preventDefault(); const data = new FormData(e.currentTarget); set({ who: String(data.get('who') ?? ''), token: String(data.get('token') ?? ''), from: String(data.get('from') ?? ''), cursor: null }); }}>
        {may('privacy') && <label class="field">{t('Of the person')}<input name="who" defaultValue={who ?? ''} placeholder="anna@example.hu" /></label>}
        <label class="field">{t('By the token or user')}<input name="token" defaultValue={token ?? ''} /></label>
        <label class="field">{t('Since')}<input name="from" type="date" defaultValue={from ?? ''} /></label>
        <button class="button">{t('Show')}</button>
      </form>
      <Shown asked={asked} empty={(data) => !data.reads.length && <Empty title={t('Nobody read anything')} />}>
        {(data) => (
          <>
            <div class="scroll" tabIndex={0} role="group" aria-label={t('Who read whose data')}><table><thead><tr><th>{t('When')}</th><th>{t('By')}</th><th>{t('For')}</th><th>{t('What')}</th><th>{t('Profile')}</th><th>{t('Ledger')}</th></tr></thead>
              <tbody>{data.reads.map((read, i) => <tr key={i}><td class="nowrap">{time(read.at)}</td><td>{read.by.label || (read.by.token === 'local' ? t('this server') : <a class="mono small" href={href('/access', { tab: 'reads', token: read.by.token })}>{read.by.token.slice(-12)}</a>)} {read.by.role && <span class="faint small">{t(`role ${read.by.role}`)}</span>}</td><td><PurposeChip name={read.purpose} /></td><td>{t(`read ${read.what}`)}</td><td class="mono small">{read.profile?.slice(-12) ?? '–'}</td><td>{read.ledger_index === null ? <span class="faint">{t('soon')}</span> : <a href={href('/evidence', { index: read.ledger_index })}>#{read.ledger_index}</a>}</td></tr>)}</tbody></table></div>
            {data.next && <div class="row pad"><button type="button" class="button" onClick={() => set({ cursor: data.next })}>{t('Older')}</button></div>}
          </>
        )}
      </Shown>
    </Card>
  );
}

export default function Access() {
  const tabs = [
    ...(may('admin') ? [{ id: 'users', title: t('Users') }, { id: 'tokens', title: t('Tokens') }] : []), { id: 'sessions', title: t('Sessions') },
    ...(may('reads') ? [{ id: 'reads', title: t('Who read what') }] : []), { id: 'roles', title: t('Roles') },
  ];
  const tab = route.value.query.tab ?? tabs[0]!.id;
  return (
    <Page title={t('Access')} lead={t('A role says what may be done; a set of purposes says with whose data and why. Every look at a person is recorded.')}>
      <Tabs label={t('Views of access')} at={tab} link={(id) => href('/access', { tab: id === tabs[0]!.id ? null : id })} tabs={tabs} />
      {tab === 'users' && may('admin') && <Users />}
      {tab === 'tokens' && may('admin') && <Tokens />}
      {tab === 'sessions' && <div class="stack"><Sessions /><Password /></div>}
      {tab === 'reads' && may('reads') && <Reads />}
      {tab === 'roles' && <Card flush title={t('Roles')}><table><thead><tr><th>{t('Role')}</th><th>{t('May')}</th></tr></thead><tbody>{ROLES.map((one) => <tr key={one}><td><strong>{t(`role ${one}`)}</strong> {one === session.value?.role && <Tag tone="held">{t('you')}</Tag>}</td><td>{t(MAY[one])}</td></tr>)}</tbody></table></Card>}
    </Page>
  );
}
