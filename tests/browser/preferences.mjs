// The preference centre in Chromium: each state in both languages, without JavaScript, by keyboard, on a phone, against axe.
import assert from 'node:assert/strict'
import {customer} from './telos.mjs'
import {axeClean, noSidewaysScroll, picture} from './browser.mjs'

const card = (page, purpose) => page.locator(`#p-${purpose}`)
const yes = (page, purpose) => card(page, purpose).locator('button[value=give]')
const no = (page, purpose) => card(page, purpose).locator('button[value=refuse]')
const note = page => page.locator('.note')
const latest = async (telos, subject, purpose) => (await telos.consents(subject, purpose)).at(-1)

async function the_page_says_what_is_known_and_why_in_both_languages(telos, browser) {
  const anna = await customer(telos, 'Anna', {firstName: '<script>alert(1)</script>', lastName: `" onmouseover="alert(2)' & <b>bold</b>`})
  await telos.state(anna.subject, 'newsletter', 'given', {notice: 'newsletter@3'})
  const url = await telos.link(anna.subject)
  for (const [language, words] of [['en', ['Send offers by e-mail', 'You agreed on', 'Keep invoices as the law orders', 'Szeged', 'Call centre']], ['hu', ['Ajánlatok küldése e-mailben', 'Hozzájárult ekkor', 'Számlák megőrzése', 'Szeged', 'Ügyfélszolgálat']]]) {
    const page = await browser.page({locale: language})
    const reply = await page.goto(url)
    assert.equal(reply.status(), 200)
    assert.equal(await page.locator('html').getAttribute('lang'), language, 'by Accept-Language')
    for (const summary of await page.locator('summary').all()) await summary.click()
    const text = await page.locator('main').innerText()
    for (const word of words) assert.ok(text.includes(word), `"${word}" is missing in ${language}`)
    assert.ok(text.includes('<script>alert(1)</script>'), 'what looks like markup is shown as text')
    assert.equal(await page.locator('main script, main b').count(), 0)
    assert.equal(await page.locator('[onmouseover]').count(), 0)
    await axeClean(page, `the page in ${language}`)
    await picture(page, `preferences-${language}`)
    assert.deepEqual(page.problems, [])
    await page.context().close()
  }
  const reads = (await telos.must('GET', `/v1/profiles/${anna.subject}/timeline?purpose=fulfilment`)).items.filter(item => item.what === 'read')
  assert.ok(reads.some(item => JSON.stringify(item).includes('by the person')), 'each view is a recorded read')
}

async function a_link_leaks_nowhere(telos, browser) {
  const bea = await customer(telos, 'Bea')
  const url = await telos.link(bea.subject)
  assert.ok(!decodeURIComponent(url).includes('bea'), 'no identifier in the address')
  const page = await browser.page()
  const headers = (await page.goto(url)).headers()
  assert.equal(headers['referrer-policy'], 'no-referrer')
  assert.equal(headers['cache-control'], 'no-store')
  assert.match(headers['content-security-policy'], /default-src 'none'/)
  assert.doesNotMatch(headers['content-security-policy'], /unsafe|script-src/)
  assert.equal(await page.locator('script').count(), 0)
  assert.ok(!telos.logText().includes(new URL(url).searchParams.get('t')), 'no ticket in the log')
  await page.context().close()
}

async function yes_and_no_take_one_step_each_and_are_recorded_as_said(telos, browser) {
  const cili = await customer(telos, 'Cili')
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(cili.subject) + '&lang=en')
  const [one, other] = [await yes(page, 'newsletter').boundingBox(), await no(page, 'newsletter').boundingBox()]
  assert.ok(Math.abs(one.width - other.width) < 1 && Math.abs(one.height - other.height) < 1, 'accept and refuse are equal in size')
  await yes(page, 'newsletter').click()
  assert.match(await note(page).textContent(), /You agreed/)
  const given = await latest(telos, cili.subject, 'newsletter')
  assert.deepEqual([given.status, given.notice, given.method, given.verified, given.by], ['given', 'newsletter@3', 'preference centre', true, 'self'])
  await no(page, 'newsletter').click()
  assert.match(await note(page).textContent(), /took your consent back/)
  assert.equal((await latest(telos, cili.subject, 'newsletter')).status, 'withdrawn')
  await page.reload()
  assert.equal((await telos.consents(cili.subject, 'newsletter')).length, 2, 'loading the page again says nothing again')
  await page.context().close()
}

async function everything_can_be_refused_at_once(telos, browser) {
  const dora = await customer(telos, 'Dora')
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(dora.subject) + '&lang=hu')
  await page.locator('button[value=all_yes]').click()
  for (const purpose of ['newsletter', 'advertising', 'personalisation', 'statistics']) assert.equal((await latest(telos, dora.subject, purpose)).status, 'given')
  assert.equal(await latest(telos, dora.subject, 'wellness'), undefined, 'sensitive data needs a yes of its own')
  await page.locator('button[value=all_no]').click()
  for (const purpose of ['newsletter', 'advertising', 'personalisation', 'statistics']) assert.equal((await latest(telos, dora.subject, purpose)).status, 'withdrawn')
  await page.context().close()
}

async function sensitive_data_needs_an_explicit_yes(telos, browser) {
  const emma = await customer(telos, 'Emma', {birthday: '1980-05-05'})
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(emma.subject) + '&lang=en')
  if (await yes(page, 'wellness').count()) {
    await yes(page, 'wellness').click()
    assert.match(await note(page).textContent(), /tick the box first/)
    await axeLess(page, 'explicit')
    await card(page, 'wellness').locator('input[name=explicit]').check()
    await yes(page, 'wellness').click()
    assert.equal((await latest(telos, emma.subject, 'wellness')).explicit, true)
  } else {
    assert.match(await card(page, 'wellness').textContent(), /parent or guardian/)
  }
  await page.context().close()
}
const axeLess = (page, name) => picture(page, `preferences-${name}`, false)

async function an_objection_stops_and_can_be_taken_back(telos, browser) {
  const flora = await customer(telos, 'Flora')
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(flora.subject) + '&lang=en')
  await card(page, 'service').locator('input[name=why]').fill('I would rather not')
  await card(page, 'service').locator('button[value=object]').click()
  assert.match(await card(page, 'service').textContent(), /We have stopped using the data while we examine/)
  assert.equal((await telos.must('POST', '/v1/decide', {subject: flora.subject, purpose: 'service'})).decision, 'deny')
  await card(page, 'service').locator('button[value=lift]').click()
  assert.match(await note(page).textContent(), /took your objection back/)
  assert.equal((await telos.must('POST', '/v1/decide', {subject: flora.subject, purpose: 'service'})).decision, 'allow')
  await page.context().close()
}

async function channels_topics_frequency_and_quiet_hours_are_kept(telos, browser) {
  const gabi = await customer(telos, 'Gabi')
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(gabi.subject) + '&lang=en')
  await page.locator('input[name="channel.email"]').uncheck()
  await page.locator('input[name="topic.stories"]').uncheck()
  await page.locator('select[name="frequency.email"]').selectOption('week2')
  await page.locator('input[name=quiet]').check()
  await page.locator('select[name=language]').selectOption('hu')
  await page.locator('#contact button').click()
  const said = await telos.must('GET', `/v1/preferences?subject=${gabi.subject}`)
  assert.deepEqual(said.channels, {email: false})
  assert.equal(said.topics.stories, false)
  assert.equal(said.topics.offers, true)
  assert.deepEqual(said.frequency.email, {max: 2, per: 'P7D'})
  assert.equal(said.quiet_hours.from, '21:00')
  assert.equal(said.language, 'hu')
  await page.locator('input[name=quiet]').uncheck()
  await page.locator('select[name="frequency.email"]').selectOption('any')
  await page.locator('#contact button').click()
  const after = await telos.must('GET', `/v1/preferences?subject=${gabi.subject}`)
  assert.equal(after.quiet_hours.from, after.quiet_hours.to, 'no quiet hours')
  assert.ok(after.frequency.email.max > 1000, 'no limit')
  await page.context().close()
}

async function the_copy_and_the_receipts_are_handed_over(telos, browser) {
  const hanna = await customer(telos, 'Hanna')
  await telos.state(hanna.subject, 'newsletter', 'given', {notice: 'newsletter@3'})
  const page = await browser.page({javaScriptEnabled: false, acceptDownloads: true})
  await page.goto(await telos.link(hanna.subject) + '&lang=en')
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('button[value=access]').click()])
  assert.match(download.suggestedFilename(), /\.zip$/)
  const [receipt] = await Promise.all([page.waitForEvent('download'), page.locator('#receipts a').first().click()])
  assert.equal(receipt.suggestedFilename(), 'receipt.jsonld')
  const requests = (await telos.must('GET', `/v1/rights?subject=${hanna.subject}`)).requests
  assert.ok(requests.some(one => one.right === 'access'), 'the copy is a request on record')
  await page.context().close()
}

async function only_storing_and_using_again(telos, browser) {
  const ilona = await customer(telos, 'Ilona')
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(await telos.link(ilona.subject) + '&lang=en')
  await page.locator('button[value=restrict]').click()
  assert.match(await note(page).textContent(), /only store/)
  await picture(page, 'preferences-restricted')
  await page.locator('button[value=unrestrict]').click()
  assert.match(await note(page).textContent(), /use your data again/)
  await page.context().close()
}

async function erasing_asks_once_more_and_ends_the_link(telos, browser) {
  const judit = await customer(telos, 'Judit')
  const url = await telos.link(judit.subject) + '&lang=en'
  const page = await browser.page({javaScriptEnabled: false})
  await page.goto(url)
  await page.locator('button[value=erase]').evaluate(button => button.form.noValidate = true).catch(() => {})
  await page.locator('input[name=confirm]').check()
  await page.locator('button[value=erase]').click()
  assert.match(await page.locator('h1').textContent(), /erased/)
  assert.ok(!page.url().includes('t='), 'the ticket is gone from the address')
  assert.equal((await page.goto(url)).status(), 403)
  assert.match(await page.locator('h1').textContent(), /does not work/)
  await picture(page, 'preferences-dead-link', false)
  await page.context().close()
}

async function it_works_by_keyboard_alone(telos, browser) {
  const kata = await customer(telos, 'Kata')
  const page = await browser.page()
  await page.goto(await telos.link(kata.subject) + '&lang=en')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip', 'the first stop skips to the content')
  await page.keyboard.press('Enter')
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(() => document.activeElement.value === 'give')) break
  }
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'where one is can be seen')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  assert.equal((await latest(telos, kata.subject, 'newsletter')).status, 'given')
  await page.context().close()
}

async function it_fits_a_phone_in_light_and_dark_and_paper(telos, browser) {
  const lili = await customer(telos, 'Lili', {nickname: 'x'.repeat(300)})
  const url = await telos.link(lili.subject)
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.page({viewport: {width: 360, height: 740}, colorScheme, hasTouch: true, isMobile: true})
    await page.goto(url + '&lang=hu')
    for (const summary of await page.locator('summary').all()) await summary.click()
    await noSidewaysScroll(page)
    await axeClean(page, `a phone, ${colorScheme}`)
    await picture(page, `preferences-phone-${colorScheme}`)
    await page.context().close()
  }
  const page = await browser.page()
  await page.goto(url)
  await page.emulateMedia({media: 'print'})
  await picture(page, 'preferences-print')
  await page.context().close()
}

async function an_expired_and_a_changed_link_say_so(telos, browser) {
  const mari = await customer(telos, 'Mari')
  const url = await telos.link(mari.subject, 1)
  const page = await browser.page()
  await new Promise(resolve => setTimeout(resolve, 1200))
  assert.equal((await page.goto(url + '&lang=hu')).status(), 410)
  assert.match(await page.locator('h1').textContent(), /lejárt/)
  await axeClean(page, 'an expired link')
  const good = await telos.link(mari.subject)
  const changed = good.slice(0, -3) + (good.at(-3) === 'A' ? 'B' : 'A') + good.slice(-2)
  assert.equal((await page.goto(changed)).status(), 403)
  await page.context().close()
}

async function a_form_without_a_ticket_or_with_an_old_text_changes_nothing(telos) {
  const nora = await customer(telos, 'Nora')
  const ticket = new URL(await telos.link(nora.subject)).searchParams.get('t')
  const send = fields => fetch(telos.url + '/preferences', {method: 'POST', redirect: 'manual', body: new URLSearchParams(fields)})
  assert.equal((await send({do: 'give', purpose: 'newsletter', notice: 'newsletter@3'})).status, 403)
  const old = await send({t: ticket, do: 'give', purpose: 'newsletter', notice: 'newsletter@2', lang: 'en'})
  assert.match(old.headers.get('location'), /done=changed/)
  const odd = await send({t: ticket, do: 'give', purpose: 'no such', lang: '"><script>', notice: 'x'})
  assert.match(odd.headers.get('location'), /lang=en&done=refused/)
  assert.equal((await send({t: ticket, do: 'erase'})).headers.get('location').includes('done=confirm'), true)
  assert.equal((await telos.consents(nora.subject, 'newsletter')).length, 0)
}

export const preferenceCases = [
  the_page_says_what_is_known_and_why_in_both_languages, a_link_leaks_nowhere, yes_and_no_take_one_step_each_and_are_recorded_as_said, everything_can_be_refused_at_once,
  sensitive_data_needs_an_explicit_yes, an_objection_stops_and_can_be_taken_back, channels_topics_frequency_and_quiet_hours_are_kept, the_copy_and_the_receipts_are_handed_over,
  only_storing_and_using_again, erasing_asks_once_more_and_ends_the_link, it_works_by_keyboard_alone, it_fits_a_phone_in_light_and_dark_and_paper, an_expired_and_a_changed_link_say_so,
  a_form_without_a_ticket_or_with_an_old_text_changes_nothing,
]
