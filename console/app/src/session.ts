/* Who is signed in. The session's cookie cannot be read by a script; what stands here is what the server says of it. */
import { signal } from '@preact/signals';
import type { components } from './api-types';

type Schema<K extends keyof components['schemas']> = components['schemas'][K];

export type Role = Schema<'User'>['role'];

/** As GET /v1/session says it. */
export type Session = Schema<'User'>;
export type SessionReply = Schema<'SessionState'>;
export type SignIn = SessionReply['sign_in']; // how one signs in; `setup`: there is no user yet
export const sign_in_ways = signal<SignIn>({ password: true, oidc: null, setup: false });

/** undefined: not asked yet; null: nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
export const offline = signal(false);

/** The server does not know the session any more: the page is left as it is, and the login comes over it. */
export const ended_by_server = signal(false);

export function ended(): void {
  if (session.value) ended_by_server.value = true;
  session.value = null;
}

const PEOPLE: Role[] = ['admin', 'privacy', 'agent', 'marketer'];
const STATE: Role[] = ['admin', 'privacy', 'agent'];
const PRIVACY: Role[] = ['admin', 'privacy'];
const EVIDENCE: Role[] = ['admin', 'privacy', 'agent', 'marketer', 'auditor'];

const RIGHTS = {
  people: PEOPLE, // see persons, through the gate
  state: STATE, // record what a person says
  privacy: PRIVACY,
  evidence: EVIDENCE,
  deliveries: PEOPLE,
  check: ['admin', 'privacy', 'auditor'] as Role[],
  reads: ['admin', 'privacy', 'auditor'] as Role[],
  register: EVIDENCE,
  admin: ['admin'] as Role[],
};
export type Right = keyof typeof RIGHTS;

/** What a role may, as `x-roles` of /openapi.json says; the server decides anyway. */
export function may(right: Right): boolean {
  const role = session.value?.role;
  return !!role && RIGHTS[right].includes(role);
}

export function purpose_allowed(name: string): boolean {
  const list = session.value?.purposes ?? [];
  return list.includes('*') || list.includes(name);
}
