/* The editor of texts: CodeMirror with what a policy needs of it. It comes in a piece of its own, when a text is opened.
 *
 * 1. It lives in a shadow root: there its styles are sheets made by script, which the page's Content Security Policy allows as it stands; in the page itself
 *    they would be <style> elements, which it refuses. Colours are the page's own custom properties.
 * 2. Tab moves on, as everywhere in the console; Ctrl ] and Ctrl [ indent. F8 goes from mistake to mistake.
 */
import { autocompletion, completionKeymap, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

export interface Mistake {
  line: number; // from 1, as the server counts them
  column: number; // from 1, in characters
  text: string;
  suggestion?: string;
}

export interface CodeOptions {
  label: string;
  text: string;
  yaml: boolean;
  change: (text: string) => void;
  words: (key: string, whole: string) => string[]; // names that may stand as a value of this key
  phrases: Record<string, string>;
  write: (suggestion: string) => string; // what the button says that takes a suggestion
}

export interface Code {
  set(text: string): void;
  mistakes(list: Mistake[]): void;
  jump(line: number, column: number): void;
  close(): void;
}

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'var(--paper)', fontSize: '12.5px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '19px', overflow: 'auto' },
  '.cm-content': { padding: '10px 0', caretColor: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--sunk)', color: 'var(--ink-3)', border: 'none', borderRight: '1px solid var(--line)' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent) 7%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--accent-soft)', color: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in srgb, var(--accent) 26%, transparent)' },
  '.cm-selectionMatch': { backgroundColor: 'color-mix(in srgb, var(--held) 18%, transparent)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'transparent', outline: '1px solid var(--line-strong)' },
  '.cm-searchMatch': { backgroundColor: 'var(--trim-soft)', outline: '1px solid var(--trim)' },
  '.cm-searchMatch-selected': { backgroundColor: 'color-mix(in srgb, var(--trim) 40%, transparent)' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--sunk)', color: 'var(--ink-2)', borderColor: 'var(--line)' },
  '.cm-tooltip, .cm-panels': { backgroundColor: 'var(--paper)', color: 'var(--ink)', border: '1px solid var(--line)', fontFamily: 'var(--font)', fontSize: '13px' },
  '.cm-tooltip': { borderRadius: '8px', boxShadow: 'var(--lift)', maxWidth: '480px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-diagnostic-error': { borderLeft: '4px solid var(--no)', padding: '8px 12px' },
  '.cm-diagnosticAction': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)', borderRadius: '6px', padding: '3px 10px', font: 'inherit', cursor: 'pointer' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--no) 1.5px', textUnderlineOffset: '3px', backgroundColor: 'var(--no-soft)' },
  '.cm-lintPoint-error:after': { borderBottomColor: 'var(--no)' },
  '.cm-panels': { borderLeft: 'none', borderRight: 'none' },
  '.cm-panel.cm-search': { padding: '8px 10px' },
  '.cm-panel.cm-search label': { fontSize: '13px' },
  '.cm-textfield': { backgroundColor: 'var(--paper)', color: 'var(--ink)', border: '1px solid var(--line-strong)', borderRadius: '6px', padding: '3px 8px', font: 'inherit' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--sunk)', color: 'var(--ink)', border: '1px solid var(--line-strong)', borderRadius: '6px', padding: '3px 10px', font: 'inherit' },
  '.cm-panel button[name=close]': { color: 'var(--ink)', fontSize: '18px' },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent-ink)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--basis-consent)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--basis-contract)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--ink-2)' },
]);

/** Where a mistake stands: its word, or the character. */
function range(state: EditorState, mistake: Mistake): { from: number; to: number } {
  const line = state.doc.line(Math.min(Math.max(mistake.line, 1), state.doc.lines));
  const before = [...line.text].slice(0, Math.max(0, mistake.column - 1)).join('').length;
  const word = /^[^\s,[\]{}:#"']+/.exec(line.text.slice(before))?.[0].length ?? 0;
  const from = line.from + Math.min(before, line.length);
  return { from, to: Math.min(line.to, from + Math.max(1, word)) };
}

const completions = (options: CodeOptions) => (context: CompletionContext): CompletionResult | null => {
  const line = context.state.doc.lineAt(context.pos);
  const found = /([A-Za-z_]+):\s*(?:\[[^\]]*?)?([\w-]*)$/.exec(line.text.slice(0, context.pos - line.from));
  if (!found || (!found[2] && !context.explicit)) return null;
  const list = options.words(found[1]!, context.state.doc.toString());
  return list.length ? { from: context.pos - found[2]!.length, options: list.map((label) => ({ label })), validFor: /^[\w-]*$/ } : null;
};

export function open_code(host: HTMLElement, options: CodeOptions): Code {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const language: Extension = options.yaml ? [yaml(), autocompletion({ override: [completions(options)] })] : [];
  const view = new EditorView({
    parent: root, root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(), foldGutter(), lintGutter(), highlightActiveLine(), highlightActiveLineGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightSelectionMatches(),
        search({ top: true }), syntaxHighlighting(colours), theme, language, EditorView.lineWrapping, EditorState.tabSize.of(2), EditorState.phrases.of(options.phrases),
        EditorView.contentAttributes.of({ 'aria-label': options.label, tabindex: '0', spellcheck: 'false', autocorrect: 'off', autocapitalize: 'off' }),
        keymap.of([...lintKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...defaultKeymap]),
        EditorView.updateListener.of((update) => { if (update.docChanged) options.change(update.state.doc.toString()); }),
      ],
    }),
  });
  return {
    set(text) {
      if (text !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    mistakes(list) {
      const found = list.map((mistake): Diagnostic => {
        const at = range(view.state, mistake);
        const suggestion = mistake.suggestion;
        return {
          ...at, severity: 'error', message: mistake.text,
          ...(suggestion ? { actions: [{ name: options.write(suggestion), apply: (target, from, to) => target.dispatch({ changes: { from, to, insert: suggestion }, selection: { anchor: from + suggestion.length } }) }] } : {}),
        };
      });
      view.dispatch(setDiagnostics(view.state, found.sort((a, b) => a.from - b.from)));
    },
    jump(line, column) {
      const at = range(view.state, { line, column, text: '' });
      view.dispatch({ selection: { anchor: at.from, head: at.to }, effects: EditorView.scrollIntoView(at.from, { y: 'center' }) });
      view.focus();
    },
    close: () => view.destroy(),
  };
}
