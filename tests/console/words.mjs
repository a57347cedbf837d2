// Every text of the console, found in its source: what t() is given, and the tables whose words reach t() later.
import {readdirSync, readFileSync} from 'node:fs'
import path from 'node:path'

export const app = path.join(path.dirname(new URL(import.meta.url).pathname), '../../console/app')
const read = name => readFileSync(path.join(app, 'src', name), 'utf8')
const quoted = String.raw`'((?:[^'\\\n]|\\.)*)'`
const plain = text => text.replace(/\\(.)/g, '$1')
const all = (text, pattern) => [...text.matchAll(pattern)].map(found => plain(found[1]))

function files(folder = '') {
  return readdirSync(path.join(app, 'src', folder), {withFileTypes: true})
    .flatMap(one => one.isDirectory() ? files(path.join(folder, one.name)) : /\.tsx?$/.test(one.name) && !/words|api-types/.test(one.name) ? [path.join(folder, one.name)] : [])
}

export function texts() {
  const found = new Set()
  for (const name of files()) {
    const text = read(name)
    for (const call of text.matchAll(/\bt\(/g)) {
      // every quoted text within the call's parentheses: a choice gives two
      let depth = 1, at = call.index + 2
      while (depth && at < text.length) {
        const c = text[at]
        if (c === "'") {
          const one = text.slice(at).match(new RegExp('^' + quoted))
          if (one) {
            if (depth === 1 && /[(?:]\s*$/.test(text.slice(call.index, at))) found.add(plain(one[1]))
            at += one[0].length - 1
          }
        } else if (c === '(' || c === '{' || c === '[') depth++
        else if (c === ')' || c === '}' || c === ']') depth--
        at++
      }
    }
  }
  for (const pattern of [/title: '([^']+)'/g, /hint: '([^']+)'/g]) all(read('pages.ts'), pattern).forEach(one => found.add(one))
  for (const one of ['See', 'Steer', 'Prove']) found.add(one)
  const table = (name, start) => { const text = read(name), at = text.indexOf(start); return text.slice(at, text.indexOf('\n}', at)) }
  all(table('ui/flow.tsx', 'export const OUTCOME_WORDS') .split('\n')[0], /: '([^']+)'/g).forEach(one => found.add(one))
  for (const [name, start] of [['ui/proof.tsx', 'const WORDS'], ['sending.ts', 'const TROUBLES'], ['sending.ts', 'const STATUS'], ['pages/tour.tsx', 'const WAY_WORDS'], ['pages/rights.tsx', 'const ERASED'], ['pages/evidence.tsx', 'const PROMISES'], ['pages/access.tsx', 'const MAY'], ['pages/records.tsx', 'const WORDS'], ['words.en.ts', 'export const codes']])
    all(table(name, start), /: '((?:[^'\\]|\\.)*)'/g).forEach(one => found.add(one))
  all(read('pages/tour.tsx'), /(?:title|words): '((?:[^'\\]|\\.)*)'/g).forEach(one => found.add(one))
  all(table('format.ts', 'const UNITS'), new RegExp(quoted, 'g')).forEach(one => found.add(one))
  for (const [, a, b] of read('reasons.ts').matchAll(new RegExp(`^  \\w+: \\[${quoted}, ${quoted}\\]`, 'gm'))) { found.add(plain(a)); found.add(plain(b)) }
  for (const [, why] of table('pages/rights.tsx', 'const REFUSALS').matchAll(new RegExp(`^  \\w+: \\[${quoted}`, 'gm'))) found.add(plain(why))
  // what the server says of failures, and of itself in the register, is said in the reader's language, too
  const source = name => readFileSync(path.join(app, '../../src', name), 'utf8')
  for (const [, title] of source('base/err.h').matchAll(/X\(ERR_\w+, "[\w-]+", \d+, \w+, "([^"]+)"\)/g)) found.add(title)
  const security = source('server/ropa.c').match(/#define SECURITY[\s\\]*((?:"[^"]*"[\s\\]*)+)/)[1]
  for (const known of ['customers and visitors', [...security.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join('')]) found.add(known)
  return [...found].filter(one => /[a-zA-Z]/.test(one)).sort()
}

export function hungarian() {
  return new Set([...read('words.hu.ts').matchAll(new RegExp(`^  ${quoted}: `, 'gm'))].map(found => plain(found[1])))
}

/** code → text, remedy; as the program has them. */
export function reasons() {
  const text = readFileSync(path.join(app, '../../src/model/reason.h'), 'utf8')
  return [...text.matchAll(/X\(REASON_\w+, "(\w+)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)/g)].map(([, code, words, remedy]) => [code, words, remedy])
}
/** code → law, of refusals; as the program has them. */
export function refusals() {
  const text = readFileSync(path.join(app, '../../src/model/rights.h'), 'utf8'), from = text.indexOf('#define RIGHTS_REFUSALS')
  return [...text.slice(from, text.indexOf('struct rights_refusal {', from)).matchAll(/X\("(\w+)", "[^"]*", "([^"]*)"\)/g)].map(([, code, law]) => [code, law])
}
export function refusalsOfConsole() {
  const text = read('pages/rights.tsx'), from = text.indexOf('const REFUSALS')
  return [...text.slice(from, text.indexOf('\n};', from)).matchAll(new RegExp(`^  (\\w+): \\[${quoted}, ${quoted}\\]`, 'gm'))].map(([, code, , law]) => [code, plain(law)])
}
export function reasonsOfConsole() {
  return [...read('reasons.ts').matchAll(new RegExp(`^  (\\w+): \\[${quoted}, ${quoted}\\]`, 'gm'))].map(([, code, words, remedy]) => [code, plain(words), plain(remedy)])
}
