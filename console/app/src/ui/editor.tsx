/* A text to be edited, with its mistakes marked where they stand. The editor itself (code.ts) is loaded when one is opened. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, t } from '../words';
import type { Code, Mistake } from './code';
import { Failed, Loading } from './parts';
import { Failure } from '../api';

/** The editor's own texts, in the language of the page. */
function phrases(): Record<string, string> {
  return {
    Find: t('Find'), Replace: t('Replace with'), next: t('next'), previous: t('previous'), all: t('all'), 'match case': t('match case'), regexp: t('pattern'), 'by word': t('whole words'),
    replace: t('Replace'), 'replace all': t('Replace all'), close: t('Close'), 'Go to line': t('Go to line'), go: t('Go'), Diagnostics: t('Mistakes'), 'No diagnostics': t('No mistake'),
    Completions: t('Suggestions'), 'Fold line': t('Fold'), 'Unfold line': t('Unfold'), 'folded code': t('folded'), unfold: t('Unfold'), 'current match': t('current match'), 'on line': t('on line'),
    'replaced $ matches': t('replaced: $'), 'replaced match on line $': t('replaced on line $'), 'Selection deleted': t('Selection deleted'),
  };
}

export function Editor({ value, change, label, yaml, mistakes, words, handle }: {
  value: string; change: (text: string) => void; label: string; yaml?: boolean; mistakes?: Mistake[]; words?: (key: string, whole: string) => string[]; handle?: { current: Code | null };
}) {
  const box = useRef<HTMLDivElement>(null);
  const code = useRef<Code | null>(null);
  const latest = useRef(change);
  const [state, set_state] = useState<'opening' | 'open' | 'failed'>('opening');
  latest.current = change;
  // What was typed and is on its way to the page and back: a value that comes back late must not undo what was typed since.
  const typed = useRef<string[]>([]);
  useEffect(() => {
    let here = true;
    import('./code').then(({ open_code }) => {
      if (!here || !box.current) return;
      code.current = open_code(box.current, {
        label, text: value, yaml: !!yaml, change: (text) => { typed.current.push(text); latest.current(text); }, words: words ?? (() => []), phrases: phrases(), write: (suggestion) => t('Write {word}', { word: suggestion }),
      });
      if (handle) handle.current = code.current;
      set_state('open');
    }, () => here && set_state('failed'));
    return () => {
      here = false;
      code.current?.close();
      code.current = null;
      if (handle) handle.current = null;
    };
  }, [label, yaml, language.value]);
  useEffect(() => {
    const at = typed.current.lastIndexOf(value);
    if (at >= 0) typed.current.splice(0, at); // it stays: the same value may come again
    else {
      typed.current = [];
      code.current?.set(value);
    }
  }, [value]);
  useEffect(() => code.current?.mistakes(mistakes ?? []), [mistakes, state]);
  return (
    <div class="editor">
      {state === 'opening' && <Loading />}
      {state === 'failed' && <Failed failure={new Failure('offline', '')} again={() => location.reload()} />}
      <div class="editor-box" ref={box} />
    </div>
  );
}
