// usage: run.mjs PROGRAM [PART OF A CASE'S NAME]
import {Browser} from './browser.mjs'
import {Shop, bannerCases} from './banner.mjs'
import {preferenceCases} from './preferences.mjs'
import {Telos} from './telos.mjs'

const [program, part = ''] = process.argv.slice(2)
const telos = new Telos(), browser = new Browser(), shop = new Shop()
let passed = 0, failed = 0
try {
  await telos.start(program)
  await browser.start()
  await shop.start(telos)
  for (const run of [...preferenceCases, ...bannerCases].filter(one => one.name.includes(part))) {
    const name = run.name.replaceAll('_', ' ')
    let timer
    try {
      await Promise.race([run(telos, browser, shop), new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('not done within 60 s')), 60000) })])
      passed++
      console.log(`ok      ${name}`)
    } catch (error) {
      failed++
      console.log(`FAILED  ${name}\n${error.stack ?? error}`)
    } finally {
      clearTimeout(timer)
    }
  }
} finally {
  await browser.stop()
  shop.stop()
  telos.stop()
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed || !passed ? 1 : 0)
