/* Who is signed in. The session's cookie cannot be read by a script; what stands here is what the server says of it. */
import { signal } from '@preact/signals';

export type Role = 'admin' | 'privacy' | 'marketer' | 'agent' | 'auditor';

/** Who is signed in; as `user` of GET /v1/session. */
export interface Session {
  id: string;
  name: string;
  title?: string;
  email?: string;
  role: Role;
  purposes: string[]; // ['*']: every purpose of the policy
  oidc?: boolean;
}

/** What the server says of signing in. */
export interface SignIn {
  password: boolean;
  oidc: { title: string; url: string } | null;
  setup: boolean; // there is no user yet
}
export interface SessionReply {
  signed_in: boolean;
  user?: Session;
  session?: { id: string; expires_at: string; idle_expires_at: string };
  sign_in: SignIn;
}
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
