/* The public API, typed from the program's own /openapi.json. The console has no other way to anything.
 *
 * 1. A failure is a Failure: what happened, in the words of the problem document, and of which kind.
 * 2. A session is a cookie that no script can read; each change carries a header that no other site can send.
 */
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './api-types';
import { ended, offline } from './session';
import { t } from './words';

export type Schema<K extends keyof components['schemas']> = components['schemas'][K];
export type Kind = 'offline' | 'denied' | 'missing' | 'ended' | 'refused' | 'broken';

export interface Reason {
  code: string;
  text?: string;
  remedy?: string;
  category?: string;
}

export class Failure extends Error {
  constructor(
    readonly kind: Kind,
    readonly title: string,
    readonly detail = '',
    readonly status = 0,
    readonly body: Record<string, unknown> = {},
  ) {
    // Details are English, unless they are the words of a reason; what kind of failure it is, is said in the reader's language.
    super(!detail ? t(title) : t(detail) !== detail || t(title) === title ? t(detail) : `${t(title)} (${detail})`);
  }
  get reasons(): Reason[] {
    const list = this.body.reasons;
    return Array.isArray(list) ? list.map((r) => (typeof r === 'string' ? { code: r } : (r as Reason))) : [];
  }
}

function kind_of(status: number): Kind {
  if (status === 401) return 'ended';
  if (status === 403) return 'denied';
  if (status === 404) return 'missing';
  return status >= 500 ? 'broken' : 'refused';
}

export function failure(status: number, body: unknown): Failure {
  const problem = (body && typeof body === 'object' ? body : {}) as Record<string, unknown>;
  return new Failure(kind_of(status), String(problem.title ?? `HTTP ${status}`), String(problem.detail ?? ''), status, problem);
}

const guard: Middleware = {
  onRequest({ request }) {
    request.headers.set('Telos-Console', '1');
    return request;
  },
  onResponse({ response }) {
    offline.value = false;
    if (response.status === 401 && !response.url.includes('/v1/session')) ended();
    return response;
  },
  onError() {
    offline.value = true;
    return new Failure('offline', 'The server does not answer');
  },
};

export const api = createClient<paths>({ baseUrl: location.origin, credentials: 'same-origin' });
api.use(guard);

/** What was asked for, or a Failure thrown. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw failure(response.status, error);
  return data as T;
}

export async function text(path: string, init: RequestInit = {}): Promise<string> {
  let response: Response;
  const headers = new Headers(init.headers);
  headers.set('Telos-Console', '1');
  try {
    response = await fetch(path, { ...init, headers, credentials: 'same-origin' });
  } catch (cause) {
    if ((cause as Error).name === 'AbortError') throw cause;
    offline.value = true;
    throw new Failure('offline', 'The server does not answer');
  }
  offline.value = false;
  const body = await response.text();
  if (response.ok) return body;
  if (response.status === 401) ended();
  let problem: unknown = {};
  try {
    problem = JSON.parse(body);
  } catch {
    /* a proxy's page, not ours: the status says enough */
  }
  throw failure(response.status, problem);
}

/** A reply that comes line by line; `line` is called for each. */
export async function lines(path: string, line: (value: Record<string, unknown>) => void, init: RequestInit = {}): Promise<void> {
  const headers = new Headers(init.headers);
  headers.set('Telos-Console', '1');
  headers.set('Accept', 'application/x-ndjson');
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'same-origin' });
  } catch {
    offline.value = true;
    throw new Failure('offline', 'The server does not answer');
  }
  if (!response.ok) throw failure(response.status, await response.json().catch(() => ({})));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    rest += value;
    const parts = rest.split('\n');
    rest = parts.pop()!;
    for (const part of parts) if (part.trim()) line(JSON.parse(part));
  }
  if (rest.trim()) line(JSON.parse(rest));
}

/** A route by its path, where the answer's shape is given by whoever asks. */
export async function json<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
  const said = await text(path, { method, ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }) });
  return (said ? JSON.parse(said) : {}) as T;
}
