/* What every page is made of: page, card, states, tags, purposes, reasons. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Failure, Reason } from '../api';
import { number } from '../format';
import { purpose_named, purpose_title } from '../policy';
import { reason_remedy, reason_text } from '../reasons';
import { href } from '../route';
import type { Asked } from '../use';
import { t } from '../words';
import { Icon, type IconName } from './icons';

export type Tone = 'yes' | 'trim' | 'held' | 'no' | 'quiet';

export function Page({ title, lead, end, children }: { title: string; lead?: ComponentChildren; end?: ComponentChildren; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Telos`;
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1>{title}</h1>
        <span class="grow" />
        {end && <div class="row">{end}</div>}
        {lead && <p class="lead">{lead}</p>}
      </div>
      {children}
    </>
  );
}

export function Card({ title, note, end, flush, children, class: more = '', id }: {
  title?: ComponentChildren; note?: ComponentChildren; end?: ComponentChildren; flush?: boolean; children: ComponentChildren; class?: string; id?: string;
}) {
  return (
    <section class={`card ${flush ? 'flush' : ''} ${more}`} id={id}>
      {(title || end) && (
        <header>
          {title && <h2>{title}</h2>}
          {note && <span class="note">{note}</span>}
          {end && <span class="end row">{end}</span>}
        </header>
      )}
      {children}
    </section>
  );
}

export function State({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {children && <div>{children}</div>}
    </div>
  );
}

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => <State icon="empty" title={title}>{children}</State>;

export function Loading() {
  return (
    <div class="bones" role="status">
      <span class="hidden-text">{t('Loading …')}</span>
      <i /><i /><i />
    </div>
  );
}

export function Failed({ failure, again }: { failure: Failure; again?: () => void }) {
  const words: Record<Failure['kind'], [IconName, string, string]> = {
    offline: ['away', t('The server does not answer'), t('What you see may be old. It is tried again by itself.')],
    denied: ['lock', t('You may not see this'), t('Your role or your purposes do not allow it. An admin can change that under Access.')],
    missing: ['search', t('Nothing is there'), ''],
    ended: ['lock', t('Your session has ended'), t('Sign in again.')],
    refused: ['alert', t(failure.title), ''],
    broken: ['alert', t('Something went wrong in the server'), t('Its log says what.')],
  };
  const [icon, title, what] = words[failure.kind];
  return (
    <div role={failure.kind === 'missing' ? 'status' : 'alert'}>
      <State icon={icon} title={failure.reasons.length ? t('The gate said no') : title}>
        {failure.reasons.length ? <p>{t('The gate withholds this person for this purpose.')}</p> : <>
          {what && (failure.kind !== 'refused') && <p>{what}</p>}
          {failure.detail && failure.kind !== 'offline' && <p class="faint small" lang="en">{failure.detail}</p>}
        </>}
        <Reasons list={failure.reasons} />
        {again && failure.kind !== 'denied' && failure.kind !== 'missing' && (
          <p><button class="button" type="button" onClick={again}>{t('Try again')}</button></p>
        )}
      </State>
    </div>
  );
}

/** Loading, failed, or there. */
export function Shown<T>({ asked, children, empty }: { asked: Asked<T>; children: (data: T) => ComponentChildren; empty?: (data: T) => ComponentChildren | false }) {
  if (asked.data !== undefined) {
    const nothing = empty?.(asked.data);
    return <>{nothing || children(asked.data)}</>;
  }
  if (asked.failure) return <Failed failure={asked.failure} again={asked.again} />;
  return <Loading />;
}

export function Tag({ tone = 'quiet', icon, children, title }: { tone?: Tone; icon?: IconName; children: ComponentChildren; title?: string }) {
  return <span class={`tag ${tone}`} title={title}>{icon && <Icon name={icon} size={13} />}{children}</span>;
}

/** A purpose wherever one is shown: its name, and the colour of its basis. */
export function PurposeChip({ name, plain, on }: { name: string; plain?: boolean; on?: boolean }) {
  if (!name) return <span class="faint">–</span>;
  const basis = purpose_named(name)?.basis;
  const inner = <><i />{name}</>;
  const hint = `${purpose_title(name)}${basis ? ` · ${t(`basis ${basis}`)}` : ''}`;
  if (plain) return <span class={`purpose ${on ? 'on' : ''}`} data-basis={basis} title={hint}>{inner}</span>;
  return <a class={`purpose ${on ? 'on' : ''}`} data-basis={basis} title={hint} href={href('/purposes', { name })}>{inner}</a>;
}

export function Purposes({ names }: { names: string[] }) {
  if (!names.length) return <span class="faint">{t('none')}</span>;
  return <span class="row tight-gap">{names.map((name) => <PurposeChip key={name} name={name} />)}</span>;
}

/** Every "no" says why, and what would make it a "yes". */
export function Reasons({ list }: { list: Reason[] }) {
  if (!list.length) return null;
  return (
    <ul class="reasons">
      {list.map((reason) => (
        <li class="reason" key={reason.code + (reason.category ?? '')}>
          <Icon name="no" size={15} />
          <span>{reason_text(reason)} {reason.category && <span class="faint">({reason.category})</span>} <code class="faint small">{reason.code}</code></span>
          <span class="remedy"><b>{t('To make it a yes:')}</b> {reason_remedy(reason)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Decision({ value }: { value: 'allow' | 'deny' }) {
  return value === 'allow' ? <Tag tone="yes" icon="yes">{t('allowed')}</Tag> : <Tag tone="no" icon="no">{t('denied')}</Tag>;
}

export function Figure({ value, label, tone, to }: { value: number | string; label: string; tone?: Tone; to?: string }) {
  const inner = (
    <>
      <b style={tone ? { color: `var(--${tone})` } : undefined}>{typeof value === 'number' ? number(value) : value}</b>
      <span>{label}</span>
    </>
  );
  return to ? <a class="figure" href={to}>{inner}</a> : <div class="figure">{inner}</div>;
}

export function Bar({ parts, label }: { parts: { value: number; tone: string; title: string }[]; label: string }) {
  const sum = parts.reduce((total, part) => total + part.value, 0) || 1;
  return (
    <div class="bar" role="img" aria-label={`${label}: ${parts.map((p) => `${p.title} ${p.value}`).join(', ')}`}>
      {parts.map((part) => part.value > 0 && <i key={part.title} class={part.tone} title={`${part.title}: ${number(part.value)}`} style={{ width: `${(100 * part.value) / sum}%` }} />)}
    </div>
  );
}

export function Tabs({ tabs, at, link, label }: { tabs: { id: string; title: string; count?: number }[]; at: string; link: (id: string) => string; label: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.id} href={link(tab.id)} aria-current={tab.id === at ? 'page' : undefined}>
          {tab.title}{tab.count !== undefined && <span class="count">{number(tab.count)}</span>}
        </a>
      ))}
    </nav>
  );
}

export function Dialog({ title, close, children, drawer }: { title: string; close: () => void; children: ComponentChildren; drawer?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} class={drawer ? 'drawer' : ''} aria-label={title} onClose={close} onClick={(event: JSX.TargetedMouseEvent<HTMLDialogElement>) => event.target === box.current && close()}>
      <div class="inner">
        <div class="row between">
          <h2>{title}</h2>
          <button type="button" class="button plain icon" aria-label={t('Close')} onClick={close}><Icon name="close" /></button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
