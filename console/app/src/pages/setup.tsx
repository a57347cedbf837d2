/* The page behind a one-time link, `/console/setup#CODE`: the first admin is made, or a user sets a password. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text, type Failure } from '../api';
import { time } from '../format';
import { set_up } from '../sign';
import { Failed, Loading } from '../ui/parts';
import { useAsked } from '../use';
import { t } from '../words';
import mark from '../mark.svg';

/** The code stands after the `#`, so it is in no log. */
export const setup_code = (): string | null => (location.pathname === '/console/setup' && location.hash.length > 1 ? location.hash.slice(1) : null);

const PASSWORD_MIN = 12;

export function Setup({ code, settings }: { code: string; settings: ComponentChildren }) {
  const link = useAsked(async () => JSON.parse(await text(`/v1/session/setup?code=${encodeURIComponent(code)}`)) as { first: boolean; name?: string; expires_at: string }, [code]);
  const [name, set_name] = useState('');
  const [title, set_title] = useState('');
  const [password, set_password] = useState('');
  const [again, set_again] = useState('');
  const [problem, set_problem] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (password !== again) {
      set_problem(t('The two passwords are not the same.'));
      return;
    }
    set_up({ code, password, ...(link.data?.first ? { name: name.trim(), ...(title ? { title } : {}) } : {}) }).catch((cause: Failure) => set_problem(cause.message));
  };
  return (
    <div class="login">
      <div class="row login-settings">{settings}</div>
      <main class="card login-card">
        <div class="brand login-brand"><img src={mark} alt="" /><span>Telos<small>{t('data, tied to its purpose')}</small></span></div>
        {link.failure ? <Failed failure={link.failure} again={link.again} /> : !link.data ? <Loading /> : (
          <>
            <h1>{link.data.first ? t('Make the first admin') : t('Welcome, {name}', { name: link.data.name ?? '' })}</h1>
            <p class="muted small">{t('This link works once, until {at}.', { at: time(link.data.expires_at) })}</p>
            <form class="stack" onSubmit={submit}>
              {link.data.first && <label class="field">{t('Name to sign in with')}<input required autocomplete="username" value={name} onInput={(e) => set_name(e.currentTarget.value)} /></label>}
              {link.data.first && <label class="field">{t('Your name')}<input autocomplete="name" value={title} onInput={(e) => set_title(e.currentTarget.value)} /></label>}
              <label class="field">{t('Password, at least {n} characters', { n: PASSWORD_MIN })}<input type="password" required minLength={PASSWORD_MIN} maxLength={256} autocomplete="new-password" value={password} onInput={(e) => set_password(e.currentTarget.value)} /></label>
              <label class="field">{t('The same again')}<input type="password" required autocomplete="new-password" value={again} onInput={(e) => set_again(e.currentTarget.value)} /></label>
              {problem && <p class="notice no" role="alert">{problem}</p>}
              <button class="button first">{t('Go on')}</button>
            </form>
          </>
        )}
      </main>
    </div>
  );
}
