// Chromium for the tests: pages that tell their problems, axe, and pictures to look at.
process.env.PW_TEST_SCREENSHOT_NO_FONTS_READY = '1' // fonts are the system's; and without JavaScript nobody would answer
import assert from 'node:assert/strict'
import {mkdirSync, readFileSync} from 'node:fs'
import path from 'node:path'
import {chromium} from 'playwright-core'
import {here} from './telos.mjs'

const axe = readFileSync(path.join(here, 'node_modules/axe-core/axe.min.js'), 'utf8')
export const pictures = process.env.PICTURES ?? path.join(here, '../../build-test/browser')
mkdirSync(pictures, {recursive: true})

export class Browser {
  async start() {
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    })
  }
  async stop() { await this.browser?.close() }
  async page(options = {}) {
    const context = await this.browser.newContext({viewport: {width: 1100, height: 900}, locale: 'en-GB', ...options})
    const page = await context.newPage()
    page.problems = []
    page.on('pageerror', error => page.problems.push(String(error)))
    page.on('console', message => { if (message.type() === 'error' && !/favicon/.test(message.text())) page.problems.push(message.text()) })
    page.on('dialog', dialog => { page.problems.push('dialog: ' + dialog.message()); void dialog.dismiss() })
    return page
  }
}

// Without scripts on the page itself, axe runs in a world of its own.
export async function axeClean(page, what) {
  const session = await page.context().newCDPSession(page)
  const {frameTree} = await session.send('Page.getFrameTree')
  const {executionContextId} = await session.send('Page.createIsolatedWorld', {frameId: frameTree.frame.id, worldName: 'axe'})
  await session.send('Runtime.evaluate', {expression: axe, contextId: executionContextId})
  const {result, exceptionDetails} = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 160) + ' — ' + n.failureSummary)}))))`,
    contextId: executionContextId, awaitPromise: true, returnByValue: true})
  assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails))
  assert.deepEqual(JSON.parse(result.value), [], `axe finds fault with ${what}`)
}

export function picture(page, name, fullPage = true) { return page.screenshot({path: path.join(pictures, name + '.png'), fullPage, animations: 'disabled'}) }

export async function noSidewaysScroll(page) {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  assert.ok(wide <= seen, `the page is ${wide} px wide on a screen of ${seen}`)
}
