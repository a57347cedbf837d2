/* Two providers: a standard one (oidc-provider), and one that answers by what its code says, such as `expired`: what must be refused.
 *
 *   node provider.mjs REDIRECT_URI      prints {"good": ISSUER, "odd": ISSUER}
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const redirect = process.argv[2];
const secret = 'a secret of the client that nobody knows';
const people = {
  anna: { name: 'Needle Anna', preferred_username: 'needle-anna', email: 'needle-anna@staff.example', roles: ['everybody', 'telos-admins'] },
  bela: { name: 'Needle Bela', preferred_username: 'needle-bela', email: 'needle-bela@staff.example', roles: ['shop'] },
  nobody: { name: 'Needle Nobody', preferred_username: 'needle-nobody', email: 'needle-nobody@staff.example', roles: ['everybody'] },
};
const key = (made, kid, alg) => ({ ...made.privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });

function listen(handler) {
  return new Promise((done) => {
    const server = createServer((request, reply) => handler(request, reply));
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`));
  });
}

async function good(alg) {
  let handle;
  const issuer = await listen((request, reply) => handle(request, reply));
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'telos', client_secret: secret, redirect_uris: [redirect], post_logout_redirect_uris: [new URL('/', redirect).href], grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: alg }],
    jwks: { keys: [key(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'r', 'RS256'), key(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'e', 'ES256')] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'roles'], email: ['email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true, methods: ['S256'] },
    cookies: { keys: ['for a test'] },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
  });
  handle = provider.callback();
  return issuer;
}

const known = await generateKeyPair('RS256');
const stranger = await generateKeyPair('RS256');

async function token(how, issuer, nonce) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'odd', nonce, roles: ['telos-admins'], preferred_username: 'odd-' + randomUUID() };
  const set = { iss: issuer, aud: 'telos', iat: now, exp: now + 300 };
  if (how === 'issuer') set.iss = 'https://other.example';
  if (how === 'audience') set.aud = 'other';
  if (how === 'party') Object.assign(set, { aud: ['telos', 'other'], azp: 'other' });
  if (how === 'expired') Object.assign(set, { iat: now - 900, exp: now - 600 });
  if (how === 'issued') set.iat = now + 3600;
  if (how === 'nonce') claims.nonce = 'another';
  if (how === 'no-nonce') delete claims.nonce;
  const all = { ...claims, ...set };
  if (how === 'unsigned') return new UnsecuredJWT(all).encode();
  if (how === 'hmac') return new SignJWT(all).setProtectedHeader({ alg: 'HS256', kid: 'k' }).sign(new TextEncoder().encode(secret));
  const made = await new SignJWT(all).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(how === 'stranger' ? stranger.privateKey : known.privateKey);
  return how === 'changed' ? made.slice(0, -6) + (made.slice(-6, -5) === 'A' ? 'B' : 'A') + made.slice(-5) : made;
}

async function odd() {
  const nonces = new Map();
  const issuer = await listen(async (request, reply) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const say = (value) => reply.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
    if (url.pathname === '/.well-known/openid-configuration') return say({ issuer, authorization_endpoint: issuer + '/auth', token_endpoint: issuer + '/token', jwks_uri: issuer + '/keys' });
    if (url.pathname === '/keys') return say({ keys: [{ ...(await exportJWK(known.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] });
    if (url.pathname === '/auth') {
      nonces.set('last', url.searchParams.get('nonce'));
      return say(Object.fromEntries(url.searchParams));
    }
    let body = '';
    for await (const part of request) body += part;
    const how = new URLSearchParams(body).get('code');
    if (how === 'no-token') return reply.writeHead(400).end('{}');
    return say({ access_token: 'x', token_type: 'Bearer', id_token: how === 'garbage' ? 'a.b.c' : await token(how, issuer, nonces.get('last')) });
  });
  return issuer;
}

console.log(JSON.stringify({ rsa: await good('RS256'), ec: await good('ES256'), odd: await odd() }));
