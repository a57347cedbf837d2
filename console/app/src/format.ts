/* Numbers, times and sizes as people of the chosen language write them. */
import { language, t } from './words';

const locale = () => (language.value === 'hu' ? 'hu-HU' : 'en-GB');

export const number = (value: number): string => new Intl.NumberFormat(locale()).format(value);

export function short_number(value: number): string {
  return new Intl.NumberFormat(locale(), { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

export const percent = (part: number, whole: number): string =>
  whole ? new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: part / whole < 0.1 ? 1 : 0 }).format(part / whole) : '–';

export function time(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === '') return '–';
  const date = new Date(at);
  return new Intl.DateTimeFormat(locale(), { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }).format(date);
}

export function clock(at: string | number): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(at));
}

export function day(at: string | number | null | undefined): string {
  if (!at) return '–';
  return new Intl.DateTimeFormat(locale(), { year: 'numeric', month: 'short', day: 'numeric' }).format(new Date(at));
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

/** An ISO 8601 duration, as the policy writes it: "P2Y after given". */
export function duration(text: string | undefined): string {
  if (!text) return '–';
  return text.replace(/\bP(?:T)?(\d+)([YMWDH])\b/g, (_whole, n: string, unit: string) => t(UNITS[unit]![n === '1' ? 0 : 1], { n })).replace(/_/g, ' ');
}

/** What a field held, in one line. */
export function value_text(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return value ? t('yes') : t('no');
  return JSON.stringify(value);
}
