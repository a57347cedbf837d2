// usage: node run.mjs PROGRAM [PART OF A CASE'S NAME]
import path from 'node:path'
import {Telos} from './telos.mjs'
import {Site, browserCases} from './browser.mjs'
import {nodeCases} from './node.mjs'

const [program, part = ''] = process.argv.slice(2)
const telos = new Telos()
const site = new Site()
let passed = 0, failed = 0
process.on('unhandledRejection', error => console.log('  (unhandled)', error?.message ?? error))
await telos.start(path.resolve(program))
await site.start()
for (const test of [...nodeCases, ...browserCases]) {
  if (!test.name.includes(part)) continue
  try {
    await test(telos, site)
    passed++
    console.log(`ok    ${test.name.replaceAll('_', ' ')}`)
  } catch (error) {
    failed++
    console.log(`FAIL  ${test.name.replaceAll('_', ' ')}: ${error.stack}`)
  }
}
await site.stop()
telos.stop()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
