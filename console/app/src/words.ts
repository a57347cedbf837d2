/* Texts in two languages. English stands where it is used, and is the key; Hungarian is words.hu.ts, loaded when it is chosen.
 * Words for codes of the API (`role admin`) are words.en.ts. `{name}` in a text is replaced.
 */
import { signal } from '@preact/signals';
import { codes } from './words.en';

export type Language = 'en' | 'hu';
type Words = Record<string, string>;

let hungarian: Words | null = null;
export const language = signal<Language>('en');

export async function speak(next: Language): Promise<void> {
  if (next === 'hu' && !hungarian) hungarian = (await import('./words.hu')).words;
  language.value = next;
  document.documentElement.lang = next;
  localStorage.setItem('language', next);
}

export function first_language(): Language {
  const kept = localStorage.getItem('language');
  if (kept === 'en' || kept === 'hu') return kept;
  return navigator.language.toLowerCase().startsWith('hu') ? 'hu' : 'en';
}

export function t(text: string, values?: Record<string, string | number>): string {
  const english = codes[text] ?? text;
  let said = language.value === 'hu' ? (hungarian?.[text] ?? hungarian?.[english] ?? english) : english;
  if (values) said = said.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
  return said;
}

/** A text that the policy gives in several languages. */
export function of(texts: Record<string, string> | string | undefined, otherwise: string): string {
  if (!texts) return otherwise;
  if (typeof texts === 'string') return texts;
  return texts[language.value] ?? texts.en ?? Object.values(texts)[0] ?? otherwise;
}
