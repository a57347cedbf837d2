/* The command palette: Ctrl K, type, Enter. Finds persons by any identifier, pages, purposes, and things to do. */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { switch_light } from '../light';
import { PAGES } from '../pages';
import { policy } from '../policy';
import { href } from '../route';
import { may } from '../session';
import { subject_of } from '../subject';
import { language, of, speak, t } from '../words';
import { Icon, type IconName } from './icons';

export const palette_open = signal(false);

interface Entry {
  icon: IconName;
  title: string;
  hint: string;
  run: () => void;
}

const open = (address: string) => () => {
  location.hash = address;
};

function entries(text: string): Entry[] {
  const list: Entry[] = [];
  const subject = text.trim() && may('people') ? subject_of(text) : null;
  const persons: Entry[] = [];
  if (subject) {
    persons.push({ icon: 'person', title: subject, hint: t('Show this person'), run: open(href('/profiles', { who: subject })) });
    persons.push({ icon: 'ask', title: subject, hint: t('Ask the gate about this person'), run: open(href('/ask', { who: subject })) });
  }
  const first = /[@:+\d]/.test(text); // a word may be a page as well as a user id
  if (first) list.push(...persons);
  for (const page of PAGES) if (may(page.right)) list.push({ icon: page.icon, title: t(page.title), hint: t(page.hint), run: open(href(page.path)) });
  for (const purpose of policy.value?.purposes ?? [])
    list.push({ icon: 'purpose', title: of(purpose.title, purpose.name), hint: purpose.name, run: open(href('/purposes', { name: purpose.name })) });
  list.push({ icon: 'moon', title: t('Light or dark'), hint: t('colours'), run: switch_light });
  list.push({ icon: 'right', title: language.value === 'en' ? 'Magyarul' : 'In English', hint: t('language'), run: () => void speak(language.value === 'en' ? 'hu' : 'en') });
  return first ? list : [...list, ...persons];
}

export function Palette() {
  const [text, set_text] = useState('');
  const [at, set_at] = useState(0);
  const box = useRef<HTMLDialogElement>(null);
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return entries(text).filter((entry) => entry.hint === t('Show this person') || entry.hint === t('Ask the gate about this person') ||
      words.every((word) => `${entry.title} ${entry.hint}`.toLowerCase().includes(word))).slice(0, 12);
  }, [text, language.value, policy.value]);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  const close = () => (palette_open.value = false);
  const run = (entry: Entry | undefined) => {
    close();
    entry?.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      set_at((at + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(found[at]);
    }
  };
  return (
    <dialog ref={box} class="palette" aria-label={t('Find and do')} onClose={close} onClick={(event) => event.target === box.current && close()}>
      <div class="palette-in">
        <Icon name="search" />
        <input role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={found.length ? `palette-${at}` : undefined} aria-label={t('Find a person, a page, a purpose …')}
          placeholder={t('anna@example.hu, a page, a purpose …')} value={text} onKeyDown={keys} onInput={(e) => { set_text(e.currentTarget.value); set_at(0); }} />
      </div>
      <ul id="palette-list" role="listbox" aria-label={t('Found')}>
        {found.map((entry, index) => (
          <li key={entry.title + entry.hint} id={`palette-${index}`} role="option" aria-selected={index === at} onMouseMove={() => set_at(index)} onClick={() => run(entry)}>
            <Icon name={entry.icon} /><span class="ellipsis">{entry.title}</span><span class="faint small">{entry.hint}</span>
          </li>
        ))}
        {!found.length && <li class="faint" role="option" aria-selected="false">{t('Nothing is found')}</li>}
      </ul>
    </dialog>
  );
}
