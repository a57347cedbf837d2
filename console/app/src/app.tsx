/* The frame: who may see what, the way between pages, the command palette; pages come when they are asked for. */
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { light, switch_light } from './light';
import { PAGES, type PageEntry } from './pages';
import { load_policy, policy, policy_failure } from './policy';
import { href, route } from './route';
import { may, offline, session } from './session';
import { sign_out, who_am_i } from './sign';
import { Login } from './pages/login';
import { Setup, setup_code } from './pages/setup';
import { Icon } from './ui/icons';
import { Failed, Loading, Page, State } from './ui/parts';
import { Palette, palette_open } from './ui/palette';
import { language, speak, t } from './words';
import { Failure } from './api';
import mark from './mark.svg';

const GROUPS: PageEntry['group'][] = ['See', 'Steer', 'Prove'];

function page_at(path: string): PageEntry | undefined {
  return PAGES.find((page) => page.path === path);
}

function Side({ open, close }: { open: boolean; close: () => void }) {
  const at = route.value.path;
  return (
    <>
      {open && <button type="button" class="veil only-narrow" aria-label={t('Close the menu')} onClick={close} />}
      <aside class={`side ${open ? 'open' : ''}`} aria-label="Telos">
        <a class="brand" href="#/" onClick={close}>
          <img src={mark} alt="" />
          <span>Telos<small>{policy.value?.controller.name ?? t('data, tied to its purpose')}</small></span>
        </a>
        <nav class="nav" aria-label={t('Pages')}>
          {GROUPS.map((group) => {
            const pages = PAGES.filter((page) => page.group === group && may(page.right));
            if (!pages.length) return null;
            return (
              <div key={group}>
                <div class="nav-group">{t(group)}</div>
                {pages.map((page) => (
                  <a key={page.path} href={href(page.path)} aria-current={page.path === at ? 'page' : undefined} onClick={close}>
                    <Icon name={page.icon} />{t(page.title)}
                  </a>
                ))}
              </div>
            );
          })}
        </nav>
        <div class="side-foot">
          <div class="small">
            <strong class="break">{session.value?.title || session.value?.name}</strong>
            <div class="faint">{t(`role ${session.value?.role}`)}</div>
          </div>
          <div class="row">
            <button type="button" class="button plain" onClick={() => void sign_out()}><Icon name="out" size={16} />{t('Sign out')}</button>
          </div>
        </div>
      </aside>
    </>
  );
}

function Settings() {
  const next = language.value === 'en' ? 'hu' : 'en';
  return (
    <>
      <button type="button" class="button plain" lang={next} onClick={() => void speak(next)}>{next === 'hu' ? 'Magyar' : 'English'}</button>
      <button type="button" class="button plain icon" onClick={switch_light} aria-label={light.value === 'dark' ? t('Light colours') : t('Dark colours')}>
        <Icon name={light.value === 'dark' ? 'sun' : 'moon'} />
      </button>
    </>
  );
}

function Body() {
  const { path } = route.value;
  const entry = page_at(path);
  const [loaded, set] = useState<{ path: string; page?: ComponentType; failed?: boolean }>({ path: '' });
  useEffect(() => {
    if (!entry) return;
    entry.load().then((code) => set({ path: entry.path, page: code.default }), () => set({ path: entry.path, failed: true }));
  }, [entry]);
  if (!entry) return <Page title={t('There is no such page')}><State icon="search" title={path}><a href="#/">{t('Home')}</a></State></Page>;
  if (!may(entry.right)) return <Page title={t(entry.title)}><Failed failure={new Failure('denied', '')} /></Page>;
  if (loaded.path !== path) return <Loading />;
  if (loaded.failed || !loaded.page) return <Failed failure={new Failure('offline', '')} again={() => location.reload()} />;
  const Shown = loaded.page;
  return <Shown key={path} />;
}

function Frame() {
  const [menu, set_menu] = useState(false);
  const body = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { path } = route.value;
  useEffect(() => {
    // A page that was opened is where reading goes on; not at the first load.
    if (first.current) first.current = false;
    else body.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [path]);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        palette_open.value = true;
      } else if (event.key === 'Escape') set_menu(false);
    };
    window.addEventListener('keydown', keys);
    return () => window.removeEventListener('keydown', keys);
  }, []);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); body.current?.focus(); }}>{t('To the content')}</a>
      <Side open={menu} close={() => set_menu(false)} />
      <div class="column">
        <header class="top">
          <button type="button" class="button plain icon only-narrow" aria-label={t('Menu')} onClick={() => set_menu(true)}><Icon name="menu" /></button>
          <button type="button" class="find-button" onClick={() => (palette_open.value = true)}>
            <Icon name="search" size={16} /><span>{t('Find a person, a page, a purpose …')}</span><kbd class="only-wide">Ctrl K</kbd>
          </button>
          <span class="grow" />
          <Settings />
        </header>
        {offline.value && <div class="banner" role="status">{t('The server does not answer')}. {t('What you see may be old. It is tried again by itself.')}</div>}
        <main ref={body} id="main" tabIndex={-1}><Body /></main>
      </div>
      {palette_open.value && <Palette />}
    </div>
  );
}

function Knock() {
  useEffect(() => {
    if (!offline.value) return;
    const timer = setInterval(() => {
      fetch('/healthz').then((reply) => { if (reply.ok) offline.value = false; }, () => undefined);
    }, 2000);
    return () => clearInterval(timer);
  }, [offline.value]);
  return null;
}

export function App() {
  const who = session.value;
  language.value; // texts change with it
  useEffect(() => {
    document.title = 'Telos';
  }, []);
  let body = <Frame />;
  if (who === undefined) body = <main class="alone"><h1 class="hidden-text">Telos</h1>{offline.value ? <Failed failure={new Failure('offline', '')} again={() => void who_am_i()} /> : <Loading />}</main>;
  else if (who === null && setup_code()) body = <Setup code={setup_code()!} settings={<Settings />} />;
  else if (who === null) body = <Login settings={<Settings />} />;
  else if (policy.value === undefined) body = <main class="alone"><h1 class="hidden-text">Telos</h1>{policy_failure.value ? <Failed failure={policy_failure.value} again={() => void load_policy()} /> : <Loading />}</main>;
  return <>{body}<Knock /></>;
}
