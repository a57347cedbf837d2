// The browser SDKs, unchanged, in Chromium, on a page of another origin.
import assert from 'node:assert/strict'
import {createServer} from 'node:http'
import {readFile} from 'node:fs/promises'
import path from 'node:path'
import {chromium} from 'playwright-core'
import {writeKey, eventsNamed} from './telos.mjs'

const here = path.dirname(new URL(import.meta.url).pathname)
const scripts = {
  '/segment/': path.join(here, 'node_modules/@segment/analytics-next/dist/umd/'),
  '/rudder/': path.join(here, 'node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/'),
}

export class Site {
  async start() {
    this.server = createServer(async (request, reply) => {
      const url = request.url.split('?')[0]
      const folder = Object.keys(scripts).find(name => url.startsWith(name))
      try {
        const content = folder ? await readFile(path.join(scripts[folder], path.basename(url))) : '<!doctype html><title>Shop</title><h1>Shop</h1>'
        reply.writeHead(200, {'content-type': folder ? 'text/javascript' : 'text/html; charset=utf-8'}).end(content)
      } catch {
        reply.writeHead(404).end()
      }
    })
    await new Promise(resolve => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    })
  }
  async stop() {
    await this.browser?.close()
    this.server?.close()
  }
  async page() {
    const context = await this.browser.newContext()
    const page = await context.newPage()
    page.problems = []
    page.on('pageerror', error => page.problems.push(String(error)))
    page.on('console', message => { if (message.type() === 'error' && !/favicon/.test(message.text())) page.problems.push(message.text()) })
    await page.goto(this.url + '/')
    return page
  }
}

async function segment(page, telos, settings = {}) {
  await page.addScriptTag({url: '/segment/index.js'})
  await page.evaluate(([key, host, more]) => {
    const apiHost = host.replace(/^https?:\/\//, '') + '/v1'
    window.analytics = window.AnalyticsNext.AnalyticsBrowser.load(
      {writeKey: key, cdnURL: host}, {integrations: {'Segment.io': {apiHost, protocol: 'http', ...more}}})
  }, [writeKey, telos.url, settings])
}

async function segment_browser_identifies_tracks_and_pages(telos, site) {
  const page = await site.page()
  await segment(page, telos)
  await page.evaluate(async () => {
    await window.analytics.page('Shop')
    await window.analytics.track('Product Viewed', {product_id: 'BIKE-28', price: 189900})
    await window.analytics.identify('browser-1', {email: 'browser@example.com'})
    await window.analytics.track('Order Completed', {order_id: 'W-1'})
  })
  const profile = await telos.profileWith('user_id:browser-1', 'service', p => p.events.length >= 4 && p.traits.email, 'four events')
  assert.equal(profile.traits.email, 'browser@example.com')
  assert.equal(eventsNamed(profile, 'Product Viewed').length, 1, 'what she did before she said who she is belongs to her')
  assert.ok(profile.identifiers.some(i => i.type === 'anonymous_id'))
  assert.deepEqual(page.problems, [])
  await page.context().close()
}

async function segment_browser_batches(telos, site) {
  const page = await site.page()
  await segment(page, telos, {deliveryStrategy: {strategy: 'batching', config: {size: 4, timeout: 300}}})
  await page.evaluate(async () => {
    window.analytics.identify('browser-2', {email: 'browser2@example.com'})
    for (let i = 0; i < 7; i++) window.analytics.track('Batched', {i})
  })
  const profile = await telos.profileWith('user_id:browser-2', 'service', p => eventsNamed(p, 'Batched').length === 7 && p.traits.email, 'seven batched events')
  assert.equal(profile.traits.email, 'browser2@example.com')
  assert.deepEqual(page.problems, [])
  await page.context().close()
}

async function segment_browser_sends_what_is_left_when_the_page_closes(telos, site) {
  const page = await site.page()
  await segment(page, telos, {deliveryStrategy: {strategy: 'batching', config: {size: 100, timeout: 60000}}})
  await page.evaluate(async () => {
    await window.analytics.ready(() => {})
    window.analytics.identify('browser-3', {email: 'browser3@example.com'})
    window.analytics.track('Left Behind', {})
  })
  await page.waitForTimeout(1000)
  await page.goto('about:blank')
  await telos.profileWith('user_id:browser-3', 'service', p => eventsNamed(p, 'Left Behind').length === 1, 'the event sent while leaving')
  await page.context().close()
}

async function rudder(page, telos, options = {}) {
  await page.addScriptTag({url: '/rudder/index.js'})
  await page.evaluate(([key, host, more]) => {
    const Class = window.rudderanalytics.RudderAnalytics ?? window.rudderanalytics
    window.client = new Class()
    window.ready = new Promise(resolve => window.client.ready(resolve))
    window.client.load(key, host, {configUrl: host, logLevel: 'ERROR', ...more})
  }, [writeKey, telos.url, options])
}

async function rudder_browser_identifies_and_tracks(telos, site) {
  const page = await site.page()
  await rudder(page, telos)
  await page.evaluate(async () => {
    window.client.page('Shop')
    window.client.track('Wheel Turned', {turns: 3})
    window.client.identify('browser-4', {email: 'browser4@example.com'})
    window.client.track('Wheel Stopped', {})
  })
  const profile = await telos.profileWith('user_id:browser-4', 'service', p => p.events.length >= 4 && p.traits.email, 'four events')
  assert.equal(profile.traits.email, 'browser4@example.com')
  assert.equal(eventsNamed(profile, 'Wheel Turned').length, 1)
  assert.deepEqual(page.problems, [])
  await page.context().close()
}

async function rudder_browser_beacon(telos, site) {
  const page = await site.page()
  await rudder(page, telos, {useBeacon: true, beaconQueueOptions: {maxItems: 2, flushQueueInterval: 500}})
  await page.evaluate(async () => {
    window.client.identify('browser-5', {email: 'browser5@example.com'})
    for (let i = 0; i < 4; i++) window.client.track('Beacon Lit', {i})
  })
  await telos.profileWith('user_id:browser-5', 'service', p => eventsNamed(p, 'Beacon Lit').length === 4, 'four events by beacon')
  await page.context().close()
}

export const browserCases = [
  segment_browser_identifies_tracks_and_pages,
  segment_browser_batches,
  segment_browser_sends_what_is_left_when_the_page_closes,
  rudder_browser_identifies_and_tracks,
  rudder_browser_beacon,
]
