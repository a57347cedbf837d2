/* Numbers, times and sizes as people of the chosen language write them. */
import { language, t } from './words';

const locale = () => (language.value === 'hu' ? 'hu-HU' : 'en-GB');

/** Making a format costs more than using it a hundred times, and Live writes thousands a second: each is made once for a language. */
const made = new Map<string, { format: (value: never) => string }>();
function once<T>(name: string, make: (locale: string) => { format: (value: T) => string }): (value: T) => string {
  const key = `${name} ${locale()}`;
  let found = made.get(key);
  if (!found) made.set(key, (found = make(locale())));
  return (value) => found.format(value as never);
}

export const number = (value: number): string => once<number>('number', (l) => new Intl.NumberFormat(l))(value);

export const short_number = (value: number): string => once<number>('short', (l) => new Intl.NumberFormat(l, { notation: 'compact', maximumFractionDigits: 1 }))(value);

export function percent(part: number, whole: number): string {
  if (!whole) return '–';
  const share = part / whole;
  const say = share < 0.1 ? once<number>('fine', (l) => new Intl.NumberFormat(l, { style: 'percent', maximumFractionDigits: 1 })) : once<number>('coarse', (l) => new Intl.NumberFormat(l, { style: 'percent', maximumFractionDigits: 0 }));
  return part > 0 && share < 0.001 ? `< ${say(0.001)}` : say(share); // the little that there is, is not nothing
}

export function time(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === '') return '–';
  return once<Date>('time', (l) => new Intl.DateTimeFormat(l, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }))(new Date(at));
}

export function clock(at: string | number): string {
  return once<Date>('clock', (l) => new Intl.DateTimeFormat(l, { hour: '2-digit', minute: '2-digit', second: '2-digit' }))(new Date(at));
}

export function day(at: string | number | null | undefined): string {
  if (!at) return '–';
  return once<Date>('day', (l) => new Intl.DateTimeFormat(l, { year: 'numeric', month: 'short', day: 'numeric' }))(new Date(at));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1],
];

/** "3 minutes ago", "in 12 days". */
export function ago(at: string | number | null | undefined, now = Date.now()): string {
  if (!at) return '–';
  const seconds = (new Date(at).getTime() - now) / 1000;
  if (Math.abs(seconds) < 2) return t('just now');
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

const UNITS: Record<string, [string, string]> = {
  Y: ['{n} year', '{n} years'], M: ['{n} month', '{n} months'], W: ['{n} week', '{n} weeks'], D: ['{n} day', '{n} days'],
  H: ['{n} hour', '{n} hours'],
};

export const times = (n: number): string => (n === 1 ? t('once') : t('{n} times', { n: number(n) }));

/** "1 day", "7 days". */
export const days_text = (n: number): string => t(UNITS.D![n === 1 ? 0 : 1], { n });

const length_text = (text: string): string => text.replace(/\bP(?:T)?(\d+)([YMWDH])\b/g, (_whole, n: string, unit: string) => t(UNITS[unit]![n === '1' ? 0 : 1], { n }));

/** An ISO 8601 duration, as the policy writes it: "P2Y after given". */
export function duration(text: string | undefined): string {
  if (!text) return '–';
  const parts = text.match(/^(\S+) after (\w+)$/);
  return parts ? t(`after ${parts[2]}`, { time: length_text(parts[1]!) }) : length_text(text).replace(/_/g, ' ');
}

/** What a source does where the gate says no: `drop`, `hold P1D`, `anonymise`. */
export function when_denied_text(what: string): string {
  const [word, time] = (what || 'drop').split(' ');
  return time ? t(`when denied ${word}`, { time: length_text(time) }) : t(`when denied ${word}`);
}

/** What a field held, in one line. */
export function value_text(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return value ? t('yes') : t('no');
  return JSON.stringify(value);
}
