// The consent banner on a page of another origin, with the real SDKs of Segment and RudderStack.
import assert from 'node:assert/strict'
import {createServer} from 'node:http'
import {readFileSync} from 'node:fs'
import path from 'node:path'
import {gzipSync} from 'node:zlib'
import {axeClean, noSidewaysScroll, picture} from './browser.mjs'
import {here, webKey} from './telos.mjs'

const modules = {
  '/segment/': path.join(here, 'node_modules/@segment/analytics-next/dist/umd/'),
  '/rudder/': path.join(here, 'node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/'),
}

export class Shop {
  async start(telos) {
    this.telos = telos
    this.server = createServer((request, reply) => {
      const url = request.url.split('?')[0], folder = Object.keys(modules).find(name => url.startsWith(name))
      try {
        if (folder) reply.writeHead(200, {'content-type': 'text/javascript'}).end(readFileSync(path.join(modules[folder], path.basename(url))))
        else reply.writeHead(200, {'content-type': 'text/html; charset=utf-8'}).end(
          `<!doctype html><html lang="${url === '/hu' ? 'hu' : 'en'}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Shop</title><main><h1>Shop</h1><p>Bells and bicycles.</p><p><a href="#privacy" data-telos-consent>Privacy choices of this shop</a></p></main><script src="${telos.url}/telos-consent.js" data-key="${webKey}"></script>`)
      } catch { reply.writeHead(404).end() }
    })
    await new Promise(resolve => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.server.address().port}`
  }
  stop() { this.server?.close() }
}

const dialog = page => page.getByRole('dialog')
const press = (page, name) => dialog(page).getByRole('button', {name}).click()
const ready = page => page.evaluate(() => window.telosConsent.ready)
const modesOf = page => page.evaluate(() => window.dataLayer.map(entry => [...entry]).filter(entry => entry[0] === 'consent'))

async function the_script_is_small() {
  const size = gzipSync(readFileSync(path.join(here, '../../console/banner/telos-consent.js')), {level: 9}).length
  assert.ok(size < 10 * 1024, `${size} bytes packed`)
}

async function accept_and_refuse_weigh_the_same_in_both_languages(telos, browser, shop) {
  for (const [where, yes, no, choose] of [['/', 'Accept all', 'Refuse all', 'Choose one by one'], ['/hu', 'Mindet elfogadom', 'Mindet elutasítom', 'Egyenként választok']]) {
    const page = await browser.page()
    await page.goto(shop.url + where)
    await ready(page)
    const looks = async name => dialog(page).getByRole('button', {name}).evaluate(node => { const s = getComputedStyle(node), b = node.getBoundingClientRect(); return [s.backgroundColor, s.color, s.fontSize, s.fontWeight, s.borderColor, Math.round(b.width), Math.round(b.height)] })
    assert.deepEqual(await looks(yes), await looks(no))
    await axeClean(page, `the banner at ${where}`)
    await picture(page, `banner${where === '/' ? '-en' : '-hu'}`, false)
    await press(page, choose)
    assert.equal(await dialog(page).locator('input:checked').count(), 0, 'nothing is ticked beforehand')
    assert.doesNotMatch(await dialog(page).innerText(), /\b(false|undefined|null)\b/)
    await axeClean(page, `choosing at ${where}`)
    await picture(page, `banner-choose${where === '/' ? '-en' : '-hu'}`, false)
    assert.deepEqual(page.problems, [])
    await page.context().close()
  }
}

async function it_traps_focus_and_escape_is_no_yes(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'telos-consent', 'focus stays in the dialog')
  }
  await page.keyboard.press('Escape')
  assert.equal(await dialog(page).count(), 0)
  assert.deepEqual(await page.evaluate(() => window.telosConsent.get()), {})
  await page.reload()
  await ready(page)
  assert.equal(await dialog(page).count(), 1, 'who has not chosen is asked again')
  await page.context().close()
}

async function it_fits_a_phone(telos, browser, shop) {
  const page = await browser.page({viewport: {width: 360, height: 740}, colorScheme: 'dark'})
  await page.goto(shop.url + '/hu')
  await ready(page)
  await noSidewaysScroll(page)
  await picture(page, 'banner-phone', false)
  await page.context().close()
}

async function google_consent_mode_is_denied_until_it_is_granted(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  const [first] = await modesOf(page)
  assert.equal(first[1], 'default')
  assert.ok(Object.entries(first[2]).every(([name, state]) => name === 'wait_for_update' || state === 'denied'))
  await press(page, 'Accept all')
  assert.equal((await modesOf(page)).at(-1)[2].analytics_storage, 'granted')
  await page.evaluate(() => window.telosConsent.refuseAll())
  assert.equal((await modesOf(page)).at(-1)[2].analytics_storage, 'denied')
  await page.context().close()
}

async function segment(page, telos) {
  await page.addScriptTag({url: '/segment/index.js'})
  await page.evaluate(async ([key, host]) => {
    window.analytics = window.AnalyticsNext.AnalyticsBrowser.load({writeKey: key, cdnURL: host}, {integrations: {'Segment.io': {apiHost: host.replace('http://', '') + '/v1', protocol: 'http'}}})
    window.analytics.addSourceMiddleware(window.telosConsent.middleware)
    await window.analytics
  }, [webKey, telos.url])
}
const eventsNamed = (profile, name) => (profile.events ?? []).filter(event => event.event === name)

async function before_consent_nothing_is_kept_after_it_events_come_and_after_no_they_are_gone(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  await segment(page, telos)
  await page.evaluate(() => window.analytics.track('Bell Looked At', {colour: 'red'}))
  const id = await page.evaluate(async () => (await window.analytics.user()).anonymousId())
  const subject = `anonymous_id:${id}`
  await page.waitForTimeout(500)
  assert.equal(eventsNamed(await telos.profile(subject, 'statistics'), 'Bell Looked At').length, 0, 'nothing is kept for statistics yet')
  assert.equal((await telos.consents(subject)).filter(one => one.status === 'given').length, 0)
  await press(page, 'Accept all')
  await telos.until('the consent', () => telos.consents(subject, 'statistics'), list => list.at(-1)?.status === 'given')
  await page.evaluate(() => window.analytics.track('Bell Rung', {times: 2}))
  await telos.until('the event after the yes', () => telos.profile(subject, 'statistics'), profile => eventsNamed(profile, 'Bell Rung').length === 1)
  await page.getByRole('link', {name: /Privacy choices/}).click()
  await dialog(page).getByRole('button', {name: 'Back'}).click()
  await press(page, 'Refuse all')
  await telos.until('the withdrawal', () => telos.consents(subject, 'statistics'), list => ['withdrawn', 'refused'].includes(list.at(-1)?.status))
  const after = await telos.profile(subject, 'statistics')
  assert.equal(eventsNamed(after, 'Bell Rung').length, 0, 'what rested on the consent is gone')
  assert.deepEqual(page.problems, [])
  await page.context().close()
}

async function rudderstack_events_are_stamped(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  await press(page, 'Accept all')
  const sent = []
  page.on('request', request => { if (request.method() === 'POST' && request.postData()?.includes('Wheel Turned')) sent.push(JSON.parse(request.postData())) })
  await page.addScriptTag({url: '/rudder/index.js'})
  await page.evaluate(async ([key, host]) => {
    const Class = window.rudderanalytics.RudderAnalytics ?? window.rudderanalytics
    window.client = new Class()
    window.client.load(key, host, {configUrl: host, logLevel: 'ERROR', ...window.telosConsent.rudder()})
    await new Promise(resolve => window.client.ready(resolve))
    window.client.track('Wheel Turned', {turns: 3})
  }, [webKey, telos.url])
  await telos.until('the event', async () => sent, list => list.length > 0)
  const message = sent[0].batch?.[0] ?? sent[0]
  assert.ok(message.context.consentManagement.allowedConsentIds.includes('Analytics'))
  await page.context().close()
}

async function global_privacy_control_is_heeded(telos, browser, shop) {
  const page = await browser.page()
  await page.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', {value: true}))
  await page.goto(shop.url)
  await ready(page)
  assert.match(await dialog(page).textContent(), /not to sell or share/)
  await picture(page, 'banner-gpc', false)
  await press(page, 'Accept all')
  const choice = await page.evaluate(() => window.telosConsent.get())
  assert.deepEqual(choice, {Newsletter: false, Advertising: false, Analytics: true})
  await page.context().close()
}

async function a_choice_is_remembered_and_a_new_text_asks_again(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  await press(page, 'Refuse all')
  await page.reload()
  await ready(page)
  assert.equal(await dialog(page).count(), 0)
  await page.getByRole('button', {name: 'Privacy choices'}).click()
  assert.equal(await dialog(page).count(), 1, 'it can be opened again at any time')
  await page.evaluate(() => { const kept = JSON.parse(localStorage.telos_consent); kept.versions.newsletter = 2; localStorage.telos_consent = JSON.stringify(kept) })
  await page.reload()
  await ready(page)
  assert.match(await dialog(page).textContent(), /text has changed/)
  await page.context().close()
}

async function a_choice_made_offline_is_sent_later(telos, browser, shop) {
  const page = await browser.page()
  await page.goto(shop.url)
  await ready(page)
  await page.route('**/v1/track', route => route.abort())
  await press(page, 'Refuse all')
  await page.waitForTimeout(300)
  const {id, pending} = await page.evaluate(() => JSON.parse(localStorage.telos_consent))
  assert.ok(pending)
  await page.unroute('**/v1/track')
  await page.reload()
  await telos.until('the refusal', () => telos.consents(`anonymous_id:${id}`, 'statistics'), list => list.at(-1)?.status === 'refused')
  await page.context().close()
}

export const bannerCases = [
  the_script_is_small, accept_and_refuse_weigh_the_same_in_both_languages, it_traps_focus_and_escape_is_no_yes, it_fits_a_phone, google_consent_mode_is_denied_until_it_is_granted,
  before_consent_nothing_is_kept_after_it_events_come_and_after_no_they_are_gone, rudderstack_events_are_stamped, global_privacy_control_is_heeded,
  a_choice_is_remembered_and_a_new_text_asks_again, a_choice_made_offline_is_sent_later,
]
