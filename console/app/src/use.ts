/* Asking the server from a page: what is loading, what came, what failed; asked again when its inputs change, or every so often. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Failure } from './api';

export interface Asked<T> {
  data: T | undefined;
  failure: Failure | undefined;
  loading: boolean;
  again: () => void;
}

/** `every`: milliseconds between two askings; pauses while the page is hidden. What is shown stays while it is asked again. */
export function useAsked<T>(make: (() => Promise<T>) | null, inputs: unknown[], every = 0): Asked<T> {
  const [state, set] = useState<{ key: string; data?: T; failure?: Failure; loading: boolean }>({ key: '', loading: !!make });
  const [turn, next] = useState(0);
  const key = JSON.stringify(inputs);
  const latest = useRef(0);
  const again = useCallback(() => next((n) => n + 1), []);
  useEffect(() => {
    if (!make) {
      set({ key, loading: false });
      return;
    }
    const mine = ++latest.current;
    set((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    make().then(
      (data) => mine === latest.current && set({ key, data, loading: false }),
      (cause: unknown) => {
        const failure = cause instanceof Failure ? cause : new Failure('broken', String(cause));
        // A page that was there stays while the server is away: the banner says so.
        if (mine === latest.current) set((old) => ({ key, failure, loading: false, data: failure.kind === 'offline' && old.key === key ? old.data : undefined }));
      },
    );
  }, [key, turn, !make]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && again(), every);
    return () => clearInterval(timer);
  }, [every]);
  const fresh = state.key === key;
  return { data: fresh ? state.data : undefined, failure: fresh ? state.failure : undefined, loading: fresh ? state.loading : !!make, again };
}

/** What is typed, when it has rested. */
export function useRested<T>(value: T, milliseconds: number): T {
  const [rested, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}
