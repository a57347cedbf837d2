/* Signing in; also when the session has ended in the middle of work: the address stays, and so the view. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Failure } from '../api';
import { ended_by_server, sign_in_ways } from '../session';
import { keep_way, sign_in } from '../sign';
import { t } from '../words';
import mark from '../mark.svg';

/** `/console/login?problem=CODE`, to which a failed sign-on leads. */
const refused_by_provider = () => new URLSearchParams(location.search).get('problem');

/** What went wrong there, and who can mend it. */
function refusal(code: string): string {
  if (code === 'no-role') return t('You have no role here yet. An admin gives one at your organisation’s sign-on.');
  if (code === 'name-taken') return t('Somebody else here already has your name. An admin can change that under Access.');
  if (code === 'state') return t('The sign-on took too long, or was begun in another window. Begin anew.');
  if (code === 'denied' || code === 'access_denied') return t('You did not agree there.');
  if (code === 'provider-unreachable') return t('The sign-on of your organisation does not answer. Try again in a moment.');
  return t('The sign-on of your organisation did not work out ({code}).', { code });
}

export function Login({ settings }: { settings: ComponentChildren }) {
  const [name, set_name] = useState('');
  const [password, set_password] = useState('');
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const ways = sign_in_ways.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    set_busy(true);
    set_problem('');
    try {
      await sign_in(name.trim(), password);
    } catch (cause) {
      const failed = cause as Failure;
      set_problem(failed.kind === 'ended' || failed.kind === 'denied' ? t('Name or password is not right.')
        : failed.status === 429 ? t('Too many attempts. Wait a minute.') : t(failed.message));
      set_busy(false);
    }
  };
  return (
    <div class="login">
      <div class="row login-settings">{settings}</div>
      <main class="card login-card">
        <div class="brand login-brand"><img src={mark} alt="" /><span>Telos<small>{t('data, tied to its purpose')}</small></span></div>
        <h1>{t('Sign in')}</h1>
        {ended_by_server.value && <p class="notice trim" role="status">{t('Your session has ended')}. {t('Sign in again, and go on where you were.')}</p>}
        {refused_by_provider() && <p class="notice no" role="alert">{refusal(refused_by_provider()!)}</p>}
        {ways.oidc && <a class="button" href={ways.oidc.url} onClick={keep_way}>{t('Sign in with {name}', { name: ways.oidc.title })}</a>}
        {ways.setup && <p class="notice" role="status">{t('There is no user yet. Open the one-time link that the server printed when it started.')}</p>}
        {ways.password && <form onSubmit={submit} class="stack">
          <label class="field">{t('Name')}<input name="username" autocomplete="username" required autofocus value={name} onInput={(e) => set_name(e.currentTarget.value)} /></label>
          <label class="field">{t('Password')}<input type="password" name="password" autocomplete="current-password" required value={password} onInput={(e) => set_password(e.currentTarget.value)} /></label>
          {problem && <p class="notice no" role="alert">{problem}</p>}
          <button class="button first" disabled={busy}>{busy ? t('Signing in …') : t('Sign in')}</button>
        </form>}
        {!ways.setup && <p class="small faint">{t('Forgotten? An admin makes a new one-time link for you.')}</p>}
      </main>
    </div>
  );
}
