// usage: run.mjs FOLDER OF A BUILD [PART OF A CASE'S NAME]
import {copyFileSync} from 'node:fs'
import path from 'node:path'
import {Browser, pictures} from '../browser/browser.mjs'
import {actCases} from './acts.mjs'
import {pageCases} from './pages.mjs'
import {root, Shop} from './shop.mjs'
import {signOnCases} from './signon.mjs'
import {stateCases} from './states.mjs'
import {textCases} from './texts.mjs'

const [build, part = ''] = process.argv.slice(2)
const shop = new Shop(build), browser = new Browser()
let passed = 0, failed = 0
try {
  await shop.start()
  await browser.start()
  for (const run of [...textCases, ...pageCases, ...actCases, ...signOnCases, ...stateCases].filter(one => one.name.includes(part.replaceAll(' ', '_')))) {
    const name = run.name.replaceAll('_', ' '), began = Date.now()
    let timer
    try {
      await Promise.race([run(shop, browser), new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('not done within 400 s')), 400000) })])
      passed++
      console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
    } catch (error) {
      failed++
      for (const context of browser.browser.contexts()) for (const left of context.pages()) await left.screenshot({path: path.join(pictures, 'failed.png')}).catch(() => undefined)
      console.log(`FAILED  ${name}\n${error.stack ?? error}`)
    } finally {
      clearTimeout(timer)
    }
  }
} finally {
  await browser.stop()
  shop.stop()
}
// The pictures of docs/console.md, from what was just seen: only a run that is whole and good makes them.
const ofDocs = {home: 'home', profile: 'profile', consents: 'profile-consents', identity: 'profile-identity', ask: 'ask', live: 'live-journey', purpose: 'purpose', policy: 'policy-mistake', tour: 'tour-used'}
if (process.env.TELOS_DOCS_PICTURES && !failed && !part)
  for (const [name, seen] of Object.entries(ofDocs)) copyFileSync(path.join(pictures, `console-${seen}.png`), path.join(root, 'docs/console', `${name}.png`))
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed || !passed ? 1 : 0)
