/* The address holds the state of each view: `#/profiles?who=email:anna@example.hu&for=newsletter`.
 *
 * It stands after the `#`, which a browser sends to nobody: an address with a person in it is in no log and in no Referer.
 */
import { signal } from '@preact/signals';

export interface Route {
  path: string;
  query: Record<string, string>;
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#/, '') || '/';
  const cut = text.indexOf('?');
  const path = cut < 0 ? text : text.slice(0, cut);
  const query: Record<string, string> = {};
  if (cut >= 0) for (const [name, value] of new URLSearchParams(text.slice(cut + 1))) query[name] = value;
  return { path: path.startsWith('/') ? path : `/${path}`, query };
}

export const route = signal<Route>(parse(location.hash));
window.addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

export type Query = Record<string, string | number | boolean | null | undefined>;

/** The address of a view; what is empty is left out. */
export function href(path: string, query: Query = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '' && value !== false) pairs.set(name, String(value));
  // A colon and an at sign read better as they are, and are allowed there.
  const text = pairs.toString().replace(/%3A/g, ':').replace(/%40/g, '@');
  return `#${path}${text ? `?${text}` : ''}`;
}

export function go(path: string, query: Query = {}, replace = false): void {
  const next = href(path, query);
  if (replace) {
    history.replaceState(null, '', next);
    route.value = parse(next);
  } else {
    location.hash = next;
  }
}

/** Changes part of the present view's state. */
export function set(query: Query, replace = false): void {
  go(route.value.path, { ...route.value.query, ...query }, replace);
}
