/* The active policy, read as the pages need it: purposes, categories, sources, destinations. The gate reads the same text. */
import { computed, signal } from '@preact/signals';
import { load } from 'js-yaml';
import { api, ask, Failure, type Schema } from './api';
import { of, t } from './words';

export type Texts = Record<string, string> | string | undefined;
export const BASES = ['consent', 'contract', 'legal_obligation', 'vital_interest', 'public_task', 'legitimate_interest'] as const;
export type Basis = (typeof BASES)[number];

export interface Purpose {
  name: string;
  title: Texts;
  description: Texts;
  basis: Basis;
  elsewhere: Record<string, string>; // basis by country, where it is another
  categories: string[];
  notice?: string;
  retention?: string;
  expires?: string;
  raw: Record<string, unknown>;
}
export interface Category {
  name: string;
  title: Texts;
  special: boolean;
  identifier: boolean;
  dpv?: string;
}
export interface Source {
  name: string;
  title: Texts;
  kind: string;
  purposes: string[];
  when_denied: string;
}
export interface Destination {
  name: string;
  title: Texts;
  kind: string;
  purpose: string;
  channel?: string;
  recipient: string;
  categories: string[];
}
export interface Policy {
  version: number;
  activated_at: string;
  text: string;
  notices: Record<string, string>;
  controller: { name?: string; country?: string; dpo?: string };
  purposes: Purpose[];
  categories: Category[];
  sources: Source[];
  destinations: Destination[];
  topics: { name: string; title: Texts }[];
  identity_purpose?: string;
  keys: string[];
}

type Raw = Record<string, unknown>;
const raw = (value: unknown): Raw => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Raw) : {});
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)]);
const each = (value: unknown): [string, Raw][] => Object.entries(raw(value)).map(([name, entry]) => [name, raw(entry)]);

function purpose_of(name: string, entry: Raw): Purpose {
  const bases = typeof entry.basis === 'string' ? { default: entry.basis } : (raw(entry.basis) as Record<string, string>);
  const { default: usual, ...elsewhere } = bases;
  return {
    name, title: entry.title as Texts, description: entry.description as Texts, basis: (usual ?? 'consent') as Basis, elsewhere,
    categories: strings(entry.categories), notice: entry.notice as string | undefined, retention: entry.retention as string | undefined,
    expires: entry.expires as string | undefined, raw: entry,
  };
}

export function read(version: Schema<'PolicyVersion'>): Policy {
  const top = raw(load(version.policy));
  const purposes = each(top.purposes).map(([name, entry]) => purpose_of(name, entry));
  const covered = new Map(purposes.map((purpose) => [purpose.name, purpose.categories]));
  const identity = raw(top.identity);
  return {
    version: version.version,
    activated_at: version.activated_at,
    text: version.policy,
    notices: version.notices as Record<string, string>,
    controller: raw(top.controller) as Policy['controller'],
    purposes,
    categories: each(top.categories).map(([name, entry]) => ({
      name, title: entry.title as Texts, special: entry.special === true, identifier: entry.identifier === true, dpv: entry.dpv as string | undefined,
    })),
    sources: each(top.sources).map(([name, entry]) => ({
      name, title: entry.title as Texts, kind: String(entry.kind ?? ''), purposes: strings(entry.purposes), when_denied: String(entry.when_denied ?? ''),
    })),
    destinations: each(top.destinations).map(([name, entry]) => ({
      name, title: entry.title as Texts, kind: String(entry.kind ?? ''), purpose: String(entry.purpose ?? ''), channel: entry.channel as string | undefined,
      recipient: String(entry.recipient ?? ''),
      categories: entry.categories ? strings(entry.categories) : (covered.get(String(entry.purpose ?? '')) ?? []),
    })),
    topics: each(top.topics).map(([name, entry]) => ({ name, title: entry.title as Texts })),
    identity_purpose: identity.purpose as string | undefined,
    keys: Object.keys(raw(identity.keys)),
  };
}

/** undefined: not loaded; null: no policy is active yet. */
export const policy = signal<Policy | null | undefined>(undefined);

/** Why it could not be loaded; pages cannot be drawn without it. */
export const policy_failure = signal<Failure | null>(null);

export async function load_policy(): Promise<void> {
  try {
    policy.value = read(await ask(api.GET('/v1/policy')));
    policy_failure.value = null;
  } catch (cause) {
    const failure = cause instanceof Failure ? cause : new Failure('broken', String(cause));
    if (failure.kind === 'missing' || failure.status === 503) policy.value = null;
    else if (policy.value === undefined) policy_failure.value = failure;
    else throw failure;
  }
}

const by_name = computed(() => new Map((policy.value?.purposes ?? []).map((purpose) => [purpose.name, purpose])));
export const purpose_named = (name: string): Purpose | undefined => by_name.value.get(name);
export const purpose_title = (name: string): string => of(purpose_named(name)?.title, name);

const categories_by_name = computed(() => new Map((policy.value?.categories ?? []).map((category) => [category.name, category])));
export const category_named = (name: string): Category | undefined => categories_by_name.value.get(name);
export const category_title = (name: string): string => of(category_named(name)?.title, name);
/** A source by its title; what came through no declared source came by the API or from the server itself. */
export const source_title = (name: string | undefined): string =>
  !name ? '' : of(policy.value?.sources.find((source) => source.name === name)?.title, name === 'api' ? t('the API') : name === 'local' ? t('this server') : name);
export const destination_title = (name: string): string => of(policy.value?.destinations.find((d) => d.name === name)?.title, name);
