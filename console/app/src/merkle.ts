/* Proofs checked here, in the browser, by WebCrypto: that an entry is in the ledger (RFC 9162), and that the ledger's head is signed
 * (C2SP signed note, Ed25519). Nothing that the server says of its own proof is believed.
 */
export interface Step {
  what: 'leaf' | 'root' | 'signature' | 'added';
  ok: boolean;
  detail: string;
}
export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  text: string;
  signatures: { name: string; hash: Uint8Array; signature: Uint8Array }[];
}

export const bytes = (text: string): Uint8Array => Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
export const base64 = (data: Uint8Array): string => btoa(String.fromCharCode(...data));
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

function joined(...parts: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const sha256 = async (data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> => new Uint8Array(await crypto.subtle.digest('SHA-256', data));
export const leaf_hash = (entry: Uint8Array): Promise<Uint8Array> => sha256(joined([0], entry));
const node_hash = (left: Uint8Array, right: Uint8Array): Promise<Uint8Array> => sha256(joined([1], left, right));

/** RFC 9162, 2.1.3.2: the root that a path leads to; null where the path is too short or too long. */
export async function root_of(index: number, size: number, leaf: Uint8Array, path: Uint8Array[]): Promise<Uint8Array | null> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return null;
  let fn = BigInt(index), sn = BigInt(size - 1), r = leaf;
  for (const p of path) {
    if (sn === 0n) return null;
    if ((fn & 1n) === 1n || fn === sn) {
      r = await node_hash(p, r);
      if ((fn & 1n) === 0n)
        do {
          fn >>= 1n;
          sn >>= 1n;
        } while ((fn & 1n) === 0n && fn !== 0n);
    } else r = await node_hash(r, p);
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? r : null;
}

export function parse_checkpoint(note: string): Checkpoint {
  const cut = note.indexOf('\n\n');
  if (cut < 0) throw new Error('the checkpoint is no signed note');
  const text = note.slice(0, cut + 1);
  const [origin, size, root] = text.split('\n');
  if (!origin || !/^(0|[1-9]\d*)$/.test(size ?? '') || !root) throw new Error('the checkpoint lacks origin, size or root');
  const signatures = note.slice(cut + 2).split('\n').filter((line) => line.startsWith('— ')).map((line) => {
    const [, name, data] = line.split(' ');
    const all = bytes(data ?? '');
    return { name: name ?? '', hash: all.slice(0, 4), signature: all.slice(4) };
  });
  return { origin, size: Number(size), root: bytes(root), text, signatures };
}

/** `key`: NAME+HASH+BASE64, as /v1/evidence/key gives it. */
export async function checkpoint_signed(checkpoint: Checkpoint, key: string): Promise<boolean> {
  const [, name, hash, data] = key.trim().match(/^(.+)\+([0-9a-f]{8})\+(.+)$/) ?? [];
  if (!name || !data) return false;
  const raw = bytes(data);
  if (raw[0] !== 1 || raw.length !== 33) return false; // 1: Ed25519
  const encoder = new TextEncoder();
  const expected = (await sha256(joined(encoder.encode(name), [10], raw))).slice(0, 4);
  const hex = [...expected].map((b) => b.toString(16).padStart(2, '0')).join('');
  if (hex !== hash) return false;
  const found = checkpoint.signatures.find((s) => s.name === name && same(s.hash, expected));
  if (!found || checkpoint.origin !== name) return false;
  const public_key = await crypto.subtle.importKey('raw', joined(raw.slice(1)), { name: 'Ed25519' }, false, ['verify']);
  return crypto.subtle.verify({ name: 'Ed25519' }, public_key, joined(found.signature), encoder.encode(checkpoint.text));
}

export interface Inclusion {
  index: number;
  size: number;
  path: string[];
  checkpoint: string;
}

/** Each step of the check; all must hold. `leaf` comes from what is to be proven, never from the proof. */
export async function check_inclusion(proof: Inclusion, leaf: string, key: string): Promise<Step[]> {
  const checkpoint = parse_checkpoint(proof.checkpoint);
  const root = await root_of(proof.index, checkpoint.size, bytes(leaf), proof.path.map(bytes));
  const signed = await checkpoint_signed(checkpoint, key);
  return [
    { what: 'leaf', ok: bytes(leaf).length === 32, detail: leaf },
    { what: 'root', ok: !!root && same(root, checkpoint.root), detail: root ? base64(root) : '' },
    { what: 'signature', ok: signed, detail: key.trim() },
  ];
}

/** Entries of a bundle (C2SP tlog-tiles): each is its length in two bytes, then itself. */
export function entries_of(bundle: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bundle.length; ) {
    const length = (bundle[at]! << 8) | bundle[at + 1]!;
    list.push(bundle.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return list;
}

export function entries_path(index: number, size: number): string {
  const tile = Math.floor(index / 256);
  const width = Math.min(256, size - tile * 256);
  const parts: string[] = [String(tile % 1000).padStart(3, '0')];
  for (let n = Math.floor(tile / 1000); n > 0; n = Math.floor(n / 1000)) parts.unshift(`x${String(n % 1000).padStart(3, '0')}`);
  return `/tile/entries/${parts.join('/')}${width < 256 ? `.p/${width}` : ''}`;
}

/** RFC 9162, 2.1.4.2: a ledger of `first` entries is the beginning of one of `second`. */
export async function only_added(first: number, second: number, first_root: Uint8Array, second_root: Uint8Array, path: Uint8Array[]): Promise<boolean> {
  if (first < 1 || first > second) return false;
  if (first === second) return path.length === 0 && same(first_root, second_root);
  const list = (first & (first - 1)) === 0 ? [first_root, ...path] : path;
  if (!list.length) return false;
  let fn = BigInt(first - 1), sn = BigInt(second - 1);
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let fr = list[0]!, sr = list[0]!;
  for (const c of list.slice(1)) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      fr = await node_hash(c, fr);
      sr = await node_hash(c, sr);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else sr = await node_hash(sr, c);
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && same(fr, first_root) && same(sr, second_root);
}
