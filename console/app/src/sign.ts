/* Signing in and out. */
import { Failure, failure, text } from './api';
import { load_policy, policy } from './policy';
import { go } from './route';
import { ended_by_server, offline, session, sign_in_ways, type SessionReply } from './session';

async function send(method: string, path: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, {
      method, credentials: 'same-origin', headers: { 'Telos-Console': '1', ...(body ? { 'Content-Type': 'application/json' } : {}) }, body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    offline.value = true;
    throw new Failure('offline', 'The server does not answer');
  }
  offline.value = false;
  const said: unknown = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw failure(response.status, said);
  return said;
}

const WAY = 'way'; // the view that was asked for, while one signs on elsewhere; for this tab only

export function keep_way(): void {
  sessionStorage.setItem(WAY, location.hash);
}

function take_way(): void {
  const way = sessionStorage.getItem(WAY);
  sessionStorage.removeItem(WAY);
  if (way && location.hash.length <= 2) location.hash = way;
}

async function welcome(reply: SessionReply): Promise<void> {
  sign_in_ways.value = reply.sign_in;
  if (!reply.signed_in || !reply.user) {
    session.value = null;
    return;
  }
  ended_by_server.value = false;
  take_way();
  session.value = reply.user;
  if (policy.value === undefined) await load_policy();
}

/** Asks who is signed in; again and again while the server is away. */
export async function who_am_i(): Promise<void> {
  for (;;) {
    try {
      await welcome(JSON.parse(await text('/v1/session')) as SessionReply);
      return;
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.kind !== 'offline') {
        session.value = null;
        return;
      }
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

export async function sign_in(name: string, password: string): Promise<void> {
  await welcome((await send('POST', '/v1/session', { name, password })) as SessionReply);
}

export interface SetUp {
  code: string;
  name?: string;
  title?: string;
  password: string;
}

/** By the one-time link: the first admin, or a user's password. */
export async function set_up(what: SetUp): Promise<void> {
  await welcome((await send('POST', '/v1/session/setup', what)) as SessionReply);
  history.replaceState(null, '', '/');
  go('/', {}, true);
}

export async function change_password(old: string, next: string): Promise<void> {
  await send('PUT', '/v1/session/password', { old, new: next });
}

export async function sign_out(): Promise<void> {
  const elsewhere = session.value?.oidc && !session.value.password ? sign_in_ways.value.oidc?.sign_out_url : undefined;
  await send('DELETE', '/v1/session').catch(() => undefined);
  if (elsewhere) {
    location.assign(elsewhere);
    return;
  }
  session.value = null;
  policy.value = undefined;
  location.hash = '#/';
}
