// What people do at the console: sign in, look through a purpose, ask, prove, steer, and the tour.
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {axeClean, picture} from '../browser/browser.mjs'
import {at, done, open, settled, signIn} from './visit.mjs'

const anna = 'email:anna.kovacs@example.hu'

async function a_wrong_password_is_refused_and_a_right_one_opens_the_view_that_was_asked_for(shop, browser) {
  const page = await browser.page({viewport: {width: 1280, height: 860}})
  await signIn(page, shop, 'privacy', 'wrong horse battery')
  await page.getByRole('alert').getByText('Name or password is not right').waitFor()
  await axeClean(page, 'the sign-in')
  await picture(page, 'console-sign-in', false)
  await page.goto(shop.url + '/#/evidence')
  await page.getByLabel('Name', {exact: true}).fill('privacy')
  await page.getByLabel('Name', {exact: true}).press('Tab')
  await page.keyboard.type('correct horse battery')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', {level: 1, name: 'Evidence'}).waitFor()
  await page.getByRole('button', {name: 'Sign out'}).click()
  await page.getByRole('button', {name: 'Sign in'}).waitFor()
  assert.equal((await page.request.get(shop.url + '/v1/reads')).status(), 401, 'the session is over')
  await page.context().close()
}

async function another_purpose_shows_another_person(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, `#/profiles?who=${anna}&for=newsletter`)
  const known = async () => (await page.locator('section', {has: page.getByRole('heading', {name: 'What is known'})}).getByRole('row').allInnerTexts()).join('\n')
  const withheld = page.locator('section', {has: page.getByRole('heading', {name: 'What is withheld, and why'})})
  assert.doesNotMatch(await known(), /address\./)
  assert.match(await withheld.innerText(), /address\.street[\s\S]*To make it a yes/)
  await page.getByRole('group', {name: 'Seen through the purpose'}).getByRole('button', {name: 'fulfilment'}).click()
  await page.getByText('address.street').first().waitFor()
  await settled(page)
  assert.match(page.url(), /for=fulfilment/)
  assert.match(await known(), /address\.street/)
  await page.goBack({waitUntil: 'commit'}).catch(() => undefined)
  await done(page)
}

async function what_was_said_is_proven_in_the_browser_and_a_forged_proof_is_not(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, `#/profiles?who=${anna}&for=fulfilment&tab=consents`)
  await page.getByRole('button', {name: /^#\d+/}).first().click()
  const receipt = page.getByRole('dialog', {name: 'Receipt'})
  await receipt.getByRole('button', {name: /Verify here/}).click()
  await receipt.getByText('proven', {exact: true}).waitFor()
  assert.equal(await receipt.locator('.proof li').count(), 3)
  await axeClean(page, 'a receipt')
  await picture(page, 'console-receipt', false)
  await page.route('**/v1/evidence/proof/*', async route => {
    const reply = await route.fetch(), proof = await reply.json()
    proof.path[0] = Buffer.alloc(32, 7).toString('base64')
    await route.fulfill({response: reply, json: proof})
  })
  await page.reload()
  await page.getByRole('dialog', {name: 'Receipt'}).getByRole('button', {name: /Verify here/}).click()
  await page.getByRole('dialog', {name: 'Receipt'}).getByText('not proven', {exact: true}).waitFor()
  await done(page)
}

async function the_gate_answers_with_reasons_and_with_what_would_make_a_yes(shop, browser) {
  const page = await at(shop, browser)
  await shop.must('POST', '/v1/consents', {subject: anna, purpose: 'advertising', status: 'withdrawn'})
  await open(page, shop, '#/ask')
  await page.getByRole('textbox', {name: 'Person', exact: true}).fill(anna)
  await page.getByRole('combobox', {name: 'Purpose'}).selectOption('advertising')
  await page.getByRole('button', {name: 'Ask', exact: true}).click()
  await page.getByRole('heading', {name: 'No, it is not allowed.'}).waitFor()
  await page.getByText('To make it a yes:').first().waitFor()
  await page.getByRole('button', {name: /Verify here/}).first().click()
  await page.getByText('proven', {exact: true}).waitFor()
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 16)
  await page.getByLabel('When').fill(yesterday)
  await page.getByRole('button', {name: 'Ask', exact: true}).click()
  await page.getByRole('heading', {name: 'No, it was not allowed.'}).waitFor() // the policy is younger than that
  await page.getByText('No policy was in force at that time').first().waitFor()
  assert.match(page.url(), /at=/)
  await picture(page, 'console-ask-past', false)
  await done(page)
}

async function a_statement_is_recorded_with_its_receipt(shop, browser) {
  const page = await at(shop, browser, 'agent')
  await open(page, shop, `#/profiles?who=user_id:duna-000002&for=service`)
  await page.getByRole('button', {name: 'Record a statement'}).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('combobox', {name: 'Purpose'}).selectOption('newsletter')
  await dialog.getByRole('combobox', {name: 'Statement'}).selectOption('withdrawn')
  await dialog.getByRole('textbox', {name: 'How'}).fill('phone call')
  await axeClean(page, 'recording a statement')
  await dialog.getByRole('button', {name: 'Record', exact: true}).click()
  await dialog.getByRole('heading', {name: 'Recorded'}).waitFor()
  const said = await shop.must('GET', '/v1/consents?subject=user_id:duna-000002&purpose=newsletter')
  assert.equal(said.consents.at(-1).status, 'withdrawn')
  assert.equal(said.consents.at(-1).method, 'phone call')
  page.problems = page.problems.filter(one => !/403/.test(one))
  await done(page)
}

/** The whole text of the editor is what was pasted. */
async function paste(page, text) {
  const editor = page.getByRole('textbox', {name: 'The policy’s text'})
  await editor.click()
  await page.keyboard.press('Control+a')
  await editor.evaluate((node, text) => {
    const data = new DataTransfer()
    data.setData('text/plain', text)
    node.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))
  }, text)
}

async function the_editor_finds_a_mistake_says_what_changes_and_puts_it_in_force(shop, browser) {
  const page = await at(shop, browser)
  const whole = (await shop.must('GET', '/v1/policy')).policy
  await open(page, shop, '#/purposes?tab=policy')
  await paste(page, whole.replace('purposes: [fulfilment, newsletter, advertising', 'purposes: [fulfilment, newsleter, advertising'))
  await page.getByText(/unknown purpose `newsleter`/).first().waitFor()
  await page.getByRole('button', {name: /^line \d+, column \d+$/}).first().click()
  await page.locator('.cm-lintRange-error').getByText('newsleter').waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')), 'The policy’s text', 'one is where the mistake is')
  await axeClean(page, 'a policy with a mistake')
  await picture(page, 'console-policy-mistake', false)
  await page.locator('.cm-lintRange-error').hover() // the mistake's own words, beside it
  await page.locator('.cm-tooltip-lint').getByText(/unknown purpose/).waitFor()
  await page.mouse.move(0, 0)
  await page.locator('.cm-tooltip-lint').waitFor({state: 'detached'})
  await page.getByRole('button', {name: 'Write newsletter'}).click()
  await page.getByText('valid', {exact: true}).waitFor()
  await page.getByText('Nothing changes: this is what is in force.').waitFor()
  await paste(page, whole.replace('retention: P14M after collected', 'retention: P6M after collected'))
  await page.getByText('changed, not in force').waitFor()
  await page.getByText('valid', {exact: true}).waitFor()
  await page.locator('.changes').getByText(/statistics/).first().waitFor()
  await page.getByRole('button', {name: 'What would it do?'}).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('events are erased').waitFor()
  await axeClean(page, 'what a policy would do')
  await picture(page, 'console-policy-effect', false)
  await dialog.getByRole('button', {name: 'Put it in force'}).click()
  await page.getByText('Version 2 is in force.').waitFor()
  assert.equal((await shop.must('GET', '/v1/policy')).version, 2)
  page.problems = page.problems.filter(one => !/422/.test(one))
  await done(page)
}

async function the_editor_suggests_names_and_lets_the_keyboard_go_on(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/purposes?tab=policy')
  const editor = page.getByRole('textbox', {name: 'The policy’s text'})
  await editor.click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('\n  purposes: [news')
  await page.locator('.cm-tooltip-autocomplete').getByText('newsletter').waitFor()
  await axeClean(page, 'suggested names')
  await page.waitForTimeout(120) // a suggestion is not taken within a moment of its coming, so that typing on does not take it
  await page.keyboard.press('Enter')
  await page.locator('.cm-line').getByText('newsletter').last().waitFor()
  await page.keyboard.press('Tab')
  assert.notEqual(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.getAttribute('role')), 'textbox', 'Tab leads on')
  await page.getByRole('combobox', {name: 'File'}).selectOption({index: 1})
  await page.getByRole('textbox', {name: /notices\//}).waitFor()
  page.problems = page.problems.filter(one => !/422/.test(one))
  await done(page)
}

async function the_evidence_is_exported_and_verifies_offline(shop, browser) {
  const folder = mkdtempSync(path.join(tmpdir(), 'telos-evidence-'))
  for (const role of ['privacy', 'auditor']) {
    const page = await at(shop, browser, role)
    await open(page, shop, '#/evidence')
    const card = page.locator('section', {has: page.getByRole('heading', {name: 'Export for an audit'})})
    assert.equal(await card.getByRole('checkbox').count(), role === 'privacy' ? 1 : 0, 'personal data is not for auditors')
    if (role === 'privacy') await card.getByRole('checkbox').check()
    const [download] = await Promise.all([page.waitForEvent('download'), card.getByRole('button', {name: 'Export'}).click()])
    await card.getByText('The export is whole').waitFor()
    assert.match(download.suggestedFilename(), /^telos-evidence-\d{4}-\d\d-\d\d\.zip$/)
    const archive = path.join(folder, `${role}.zip`), out = path.join(folder, role)
    await download.saveAs(archive)
    execFileSync('python3', ['-m', 'zipfile', '-e', archive, out])
    execFileSync(shop.program, ['verify', out], {stdio: 'pipe'})
    await done(page)
  }
  rmSync(folder, {recursive: true, force: true})
}

async function a_delivery_leads_to_its_person_through_the_gate(shop, browser) {
  const page = await at(shop, browser)
  const sent = (await shop.must('GET', '/v1/deliveries?limit=100')).deliveries.find(one => one.profile && one.state === 'delivered')
  await open(page, shop, `#/destinations?name=${sent.destination}`)
  await page.getByRole('link', {name: '…' + sent.profile.slice(-6)}).first().click()
  await page.getByRole('heading', {level: 1, name: 'Profiles'}).waitFor()
  await settled(page)
  assert.match(page.url(), new RegExp(`for=${sent.purpose}`))
  await page.getByText(/^(What is known|Withheld for .*)$/).first().waitFor()
  page.problems = page.problems.filter(one => !/403/.test(one))
  await done(page)
}

async function a_request_is_opened_and_fulfilled_with_a_certificate(shop, browser) {
  const page = await at(shop, browser, 'privacy')
  await open(page, shop, '#/rights?open=1&who=user_id:duna-000003')
  await page.getByRole('dialog').getByRole('combobox', {name: 'Right'}).selectOption('erasure')
  await page.getByRole('button', {name: 'Open the request'}).click()
  const request = page.getByRole('dialog', {name: 'Request'})
  await request.getByRole('button', {name: 'I know who it is'}).click()
  await request.getByText('The identity is confirmed.').waitFor()
  await request.getByRole('button', {name: 'Fulfil'}).click()
  await request.getByRole('button', {name: 'Do it'}).click()
  await request.getByText('Done; the certificate is ready.').waitFor()
  await request.getByRole('button', {name: 'Certificate'}).waitFor()
  await axeClean(page, 'a request')
  await picture(page, 'console-request', false)
  const [download] = await Promise.all([page.waitForEvent('download'), request.getByRole('button', {name: 'Certificate'}).click()])
  assert.match(download.suggestedFilename(), /^certificate-.*\.json$/)
  await done(page)
}

async function the_promises_are_verified_line_by_line(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/evidence?tab=check')
  await page.getByRole('button', {name: 'Verify now'}).click()
  await page.getByText('No violation.').waitFor({timeout: 60000})
  assert.equal(await page.getByText('holds', {exact: true}).count(), 7)
  await done(page)
}

async function the_ledger_was_only_added_to_since_the_last_look(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/evidence')
  await page.getByText('this is the first head that this browser sees').waitFor()
  await shop.must('POST', '/v1/consents', {subject: anna, purpose: 'advertising', status: 'given'})
  await page.getByRole('button', {name: 'Look again'}).click()
  await page.getByText('only added to', {exact: true}).waitFor()
  await page.getByText('verified in this browser').waitFor()
  await done(page)
}

async function a_user_is_made_and_signs_in_by_a_one_time_link(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/access')
  await page.getByRole('button', {name: 'New user'}).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Name to sign in with').fill('kata')
  await form.getByRole('combobox', {name: 'Role'}).selectOption('agent')
  await form.getByRole('checkbox', {name: 'service'}).check()
  await axeClean(page, 'making a user')
  await form.getByRole('button', {name: 'Make', exact: true}).click()
  const link = (await page.getByRole('dialog').locator('pre').innerText()).trim()
  await page.getByRole('button', {name: 'Done'}).click()
  await page.getByText('kata').first().waitFor()
  const hers = await browser.page()
  await hers.goto(link.replace(/^https?:\/\/[^/]+/, shop.url))
  await hers.getByRole('heading', {name: 'Welcome, kata'}).waitFor()
  await axeClean(hers, 'the one-time link')
  await hers.getByLabel(/^Password/).fill('four words of kata')
  await hers.getByLabel('The same again').fill('four words of kata')
  await hers.getByRole('button', {name: 'Go on'}).click()
  await hers.getByRole('heading', {level: 1, name: 'Home'}).waitFor()
  await hers.context().close()
  await done(page)
}

async function the_palette_finds_pages_and_persons_by_the_keyboard_alone(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/')
  const ready = () => page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'combobox')
  await page.keyboard.press('Control+k')
  await ready()
  await page.keyboard.type('records')
  await page.getByRole('option', {name: /Records of processing/, selected: true}).waitFor()
  await axeClean(page, 'the palette')
  await picture(page, 'console-palette', false)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', {level: 1, name: 'Records of processing'}).waitFor()
  await page.keyboard.press('Control+k')
  await ready()
  await page.keyboard.type('anna.kovacs@example.hu')
  await page.getByRole('option', {name: /Show this person/}).waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('What is known').first().waitFor()
  assert.match(page.url(), /who=email:anna\.kovacs@example\.hu/)
  await done(page)
}

async function the_tour_goes_from_a_click_to_the_proof(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/tour')
  await page.getByRole('button', {name: 'Begin'}).click()
  const scenes = ['Data arrives', 'It is held', 'She consents', 'It is released', 'It is used', 'She withdraws', 'It is gone', 'Here is the proof']
  for (const [i, scene] of scenes.entries()) {
    const card = page.locator('section', {has: page.getByRole('heading', {name: `${i + 1}. ${scene}`})})
    await card.waitFor()
    await card.getByText('It happens …').waitFor({state: 'detached'})
    const text = await card.innerText()
    if (i === 0) assert.match(text, /held/)
    if (i === 1) assert.match(text, /denied[\s\S]*The person has not consented/)
    if (i === 3) assert.match(text, /Product Viewed/)
    if (i === 4) {
      assert.match(text, /sent/)
      await picture(page, 'console-tour-used', false)
    }
    if (i === 6) assert.match(text, /withheld[\s\S]*withdrew/)
    if (i === 7) assert.equal(await card.getByText('proven', {exact: true}).count(), 2)
    if (i < scenes.length - 1) await page.getByRole('button', {name: 'Go on'}).click()
  }
  await axeClean(page, 'the tour')
  await picture(page, 'console-tour', false)
  page.problems = page.problems.filter(one => !/403/.test(one))
  await done(page)
}

async function the_tour_plays_by_itself_to_the_end_and_leaves_nobody_behind(shop, browser) {
  const page = await at(shop, browser, 'admin', {reducedMotion: 'no-preference'})
  const made = []
  page.on('request', request => { if (/\/v1\/track/.test(request.url())) made.push(JSON.parse(request.postData()).userId) })
  await page.clock.install()
  await open(page, shop, '#/tour')
  await page.getByRole('button', {name: 'Play by itself'}).click()
  const way = page.getByRole('list', {name: 'Where her data is'}), end = Date.now() + 200000, seen = new Set()
  while (!await page.getByRole('button', {name: 'Once more'}).count()) {
    assert.ok(Date.now() < end, 'the tour comes to its end')
    seen.add((await way.innerText()).replace(/\s+/g, ' '))
    await page.clock.runFor(1500) // its three minutes, faster
  }
  assert.ok(seen.size >= 6, `the way of the data is drawn scene by scene: ${[...seen].join(' | ')}`)
  assert.equal(await page.getByRole('alert').count(), 0)
  assert.equal(await page.getByText('proven', {exact: true}).count(), 2)
  const gone = await shop.ask('GET', `/v1/profiles/user_id:${made[0]}?purpose=newsletter`)
  assert.ok(gone.status === 404 || gone.status === 403, `the customer of the tour is gone: ${gone.status}`)
  page.problems = page.problems.filter(one => !/40[34]/.test(one))
  await done(page)
}

async function two_are_joined_by_hand_with_its_history_and_the_join_is_undone(shop, browser) {
  const page = await at(shop, browser, 'privacy')
  for (const who of ['user_id:join-one', 'user_id:join-three', 'email:join-two@example.hu']) await shop.must('POST', '/v1/consents', {subject: who, purpose: 'newsletter', status: 'given', method: 'counter'})
  await open(page, shop, '#/profiles?who=user_id:join-one&for=newsletter&tab=identity')
  await page.getByRole('textbox', {name: 'Say that this is the same person as'}).fill('user_id:join-three')
  await page.getByRole('button', {name: 'Join'}).click()
  await page.getByText('The person already has as many identifiers of this type as the policy allows.').first().waitFor() // and so they stay two
  await page.getByRole('textbox', {name: 'Say that this is the same person as'}).fill('join-two@example.hu')
  await page.getByRole('button', {name: 'Join'}).click()
  await page.getByText('They are one person now.').waitFor()
  const merges = page.locator('section', {has: page.getByRole('heading', {name: 'Merges'})})
  await merges.getByText('joined by hand').waitFor()
  await page.locator('.graph').getByText('join-two@example.hu', {exact: true}).first().waitFor()
  assert.equal(await page.locator('.graph-hub').count(), 2, 'both profiles are drawn')
  await axeClean(page, 'a join')
  await picture(page, 'console-join', false)
  await merges.getByRole('button', {name: 'Undo'}).click()
  await page.getByText('Undone: each side has exactly its own again.').waitFor()
  await merges.getByText('undone', {exact: true}).waitFor()
  const one = await shop.must('GET', '/v1/profiles/user_id:join-one?purpose=newsletter')
  assert.ok(!JSON.stringify(one.identifiers).includes('join-two'), 'the other is another person again')
  page.problems = page.problems.filter(one => !/409/.test(one))
  await done(page)
}

async function dead_letters_are_told_with_what_would_mend_them_and_are_replayed(shop, browser) {
  const page = await at(shop, browser)
  const who = 'user_id:letters'
  await shop.must('POST', '/v1/consents', {subject: who, purpose: 'newsletter', status: 'given', method: 'counter'})
  await shop.must('POST', '/v1/identify?source=web', {userId: 'letters', traits: {email: 'letters@example.hu'}})
  await shop.receiversWith('another secret')
  try {
    await shop.must('POST', '/v1/track?source=web', {userId: 'letters', event: 'Product Viewed', properties: {product_id: 'P-9'}})
    await open(page, shop, '#/destinations?name=mailer')
    await page.getByText('letters are lost').waitFor({timeout: 60000})
    await page.getByText(/did not accept the signature or password\. Compare the secret on both sides\. \(HTTP 401\)/).first().waitFor()
    await axeClean(page, 'dead letters')
    await picture(page, 'console-dead-letters', false)
    await open(page, shop, '#/')
    const needs = page.locator('section', {has: page.getByRole('heading', {name: 'Needs a person'})})
    await needs.getByRole('link', {name: /dead letters for Newsletters/}).waitFor()
    await page.locator('section', {has: page.getByRole('heading', {name: 'Health'})}).getByText(/in trouble/).waitFor()
  } finally {
    await shop.receiversWith('secret')
  }
  await open(page, shop, '#/destinations?name=mailer')
  await page.getByRole('button', {name: /^Replay [\d,]+ dead letters$/}).click()
  await page.getByText('Dead letters are tried again, through the gate.').waitFor()
  await page.getByText('letters are lost').waitFor({state: 'detached', timeout: 60000})
  await page.getByRole('button', {name: 'Pause'}).click()
  await page.getByText('Newsletters is paused; what is due waits.').waitFor()
  await page.getByRole('button', {name: 'Go on'}).click()
  await page.getByText('Newsletters goes on.').waitFor()
  // what she got is recalled when she withdraws, until the receiver confirms
  await shop.must('POST', '/v1/consents', {subject: who, purpose: 'newsletter', status: 'withdrawn', method: 'counter'})
  await page.getByRole('combobox', {name: 'What'}).selectOption('recall')
  await page.getByRole('row').filter({hasText: 'recall'}).filter({hasText: 'confirmed'}).first().waitFor({timeout: 60000})
  await done(page)
}

async function everything_is_reached_and_done_by_the_keyboard_alone(shop, browser) {
  const page = await at(shop, browser)
  const here = () => page.evaluate(() => { const one = document.activeElement; return (one.getAttribute('aria-label') || one.innerText || one.tagName).trim() })
  const tabTo = async wanted => { // Tab until it is reached; the focus is always to be seen
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab')
      if (wanted.test(await here())) {
        const seen = await page.evaluate(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 })
        assert.ok(seen, `${wanted} shows that it has the focus`)
        return
      }
    }
    assert.fail(`Tab does not lead to ${wanted}; it is at ${await here()}`)
  }
  await open(page, shop, '#/')
  await page.keyboard.press('Tab')
  assert.equal(await here(), 'To the content', 'the first Tab leads past the menu')
  await tabTo(/^Rights$/)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', {level: 1, name: 'Rights'}).waitFor()
  await settled(page)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main', 'reading goes on in the page that was opened')
  await tabTo(/New request/)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  assert.ok(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement)), 'the focus is in the dialog')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({state: 'detached'})
  await open(page, shop, `#/profiles?who=${anna}&for=newsletter`)
  await tabTo(/^fulfilment$/)
  await page.keyboard.press('Space')
  await page.waitForFunction(() => location.hash.includes('for=fulfilment'))
  await settled(page)
  await tabTo(/^Consents$/)
  await page.keyboard.press('Enter')
  await tabTo(/^#\d+/)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', {name: 'Receipt'}).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({state: 'detached'})
  await open(page, shop, '#/destinations')
  await tabTo(/^Pause$/)
  await page.keyboard.press('Enter')
  await page.getByText(/is paused; what is due waits\./).waitFor()
  await page.getByRole('button', {name: 'Go on'}).focus()
  await page.keyboard.press('Enter')
  await page.getByText(/ goes on\.$/).waitFor()
  await done(page)
}

async function a_thousand_messages_at_once_are_all_told_and_few_are_drawn(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/live')
  await page.getByText('connected', {exact: true}).waitFor()
  for (let n = 0; n < 4; n++)
    await shop.must('POST', '/v1/batch?source=web', {batch: Array.from({length: 500}, (_, i) => ({type: 'track', userId: `live-${n}-${i}`, event: 'Product Viewed', properties: {product_id: `P-${i}`}}))})
  await page.waitForFunction(() => {
    const figures = [...document.querySelectorAll('.note')].filter(one => /kept here/.test(one.textContent)).map(one => one.textContent.replace(/[^\d ·]/g, '').split('·').map(text => Number(text.replace(/\D/g, ''))))
    return figures.some(list => list.reduce((a, b) => a + b, 0) >= 2000) // shown here, or told as more than this browser takes
  })
  assert.ok(await page.locator('.live-row').count() < 80, 'only the rows in sight are in the page')
  await shop.must('POST', '/v1/track?source=web', {userId: 'duna-000002', event: 'Product Viewed', properties: {product_id: 'P-1'}}) // of somebody who has agreed
  await page.locator('.live-row').filter({hasText: 'Product Viewed'}).first().waitFor()
  await page.getByRole('button', {name: 'Pause'}).click()
  await page.locator('.live-row').filter({hasText: 'Product Viewed'}).first().click()
  await page.getByRole('dialog').getByText('The gate said').waitFor()
  await page.getByRole('dialog').getByRole('heading', {name: /Product Viewed/}).waitFor()
  await page.getByRole('dialog').getByRole('link', {name: /The person, seen through/}).waitFor()
  await axeClean(page, 'a message and its journey')
  await picture(page, 'console-live-journey', false)
  await done(page)
}

export const actCases = [
  two_are_joined_by_hand_with_its_history_and_the_join_is_undone, dead_letters_are_told_with_what_would_mend_them_and_are_replayed, everything_is_reached_and_done_by_the_keyboard_alone,
  a_wrong_password_is_refused_and_a_right_one_opens_the_view_that_was_asked_for, another_purpose_shows_another_person, what_was_said_is_proven_in_the_browser_and_a_forged_proof_is_not,
  the_gate_answers_with_reasons_and_with_what_would_make_a_yes, a_statement_is_recorded_with_its_receipt, a_request_is_opened_and_fulfilled_with_a_certificate, the_promises_are_verified_line_by_line,
  the_ledger_was_only_added_to_since_the_last_look, a_user_is_made_and_signs_in_by_a_one_time_link, the_palette_finds_pages_and_persons_by_the_keyboard_alone, the_tour_goes_from_a_click_to_the_proof, the_tour_plays_by_itself_to_the_end_and_leaves_nobody_behind,
  a_thousand_messages_at_once_are_all_told_and_few_are_drawn, the_evidence_is_exported_and_verifies_offline, a_delivery_leads_to_its_person_through_the_gate,
  the_editor_suggests_names_and_lets_the_keyboard_go_on, the_editor_finds_a_mistake_says_what_changes_and_puts_it_in_force,
]
