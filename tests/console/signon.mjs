// Sign-on by the organisation's provider, in the browser: from the button to the provider and back, signed in with the role that the claims say; signing out.
import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {createInterface} from 'node:readline'
import path from 'node:path'
import {axeClean, picture} from '../browser/browser.mjs'
import {freePort, root, Shop} from './shop.mjs'
import {clean} from './visit.mjs'

const secret = 'a secret of the client that nobody knows' // as tests/oidc/provider.mjs has it

/** A shop whose users sign on at a standard provider, and the provider. */
async function withProvider(shop, more, then) {
  const port = await freePort()
  const provider = spawn(process.execPath, [path.join(root, 'tests/oidc/provider.mjs'), `http://127.0.0.1:${port}/v1/session/oidc/callback`], {stdio: ['ignore', 'pipe', 'ignore']})
  const own = new Shop(path.dirname(shop.program))
  try {
    const issuers = await new Promise((resolve, reject) => {
      createInterface({input: provider.stdout}).once('line', line => resolve(JSON.parse(line)))
      provider.once('exit', () => reject(new Error('the provider ended')))
    })
    const file = path.join(shop.directory, `oidc-secret-${port}`)
    writeFileSync(file, secret + '\n', {mode: 0o600})
    await own.start({people: 0, port, env: {
      TELOS_OIDC_ISSUER: issuers.rsa, TELOS_OIDC_CLIENT_ID: 'telos', TELOS_OIDC_CLIENT_SECRET_FILE: file, TELOS_OIDC_TITLE: 'Duna Bolt', TELOS_OIDC_ROLES: 'telos-admins=admin:*; shop=marketer:newsletter advertising', ...more}})
    await then(own, issuers.rsa)
  } finally {
    own.stop()
    provider.kill('SIGTERM')
  }
}

/** A page for which the provider's address is no foreign one; its own pages may ask for fonts elsewhere, which is not ours to judge, and is not let out. */
async function visitor(browser, own, issuer) {
  const page = await browser.page({viewport: {width: 1280, height: 860}, reducedMotion: 'reduce'})
  page.setDefaultTimeout(20000)
  page.foreign = []
  await page.route(url => !url.href.startsWith(own.url) && !url.href.startsWith(issuer) && /^http/.test(url.protocol), async route => {
    if (!route.request().headers().referer?.startsWith(issuer)) page.foreign.push(route.request().url())
    await route.abort()
  })
  return page
}

/** From the button to where one was going. */
async function signOn(page, own, issuer, who) {
  await page.getByRole('link', {name: /^Sign in with /}).click()
  await page.waitForURL(url => url.href.startsWith(issuer), {waitUntil: 'commit'})
  await page.locator('input[name="login"]').fill(who)
  await page.locator('input[name="password"]').fill('x')
  await page.locator('button[type="submit"]').click()
  await page.locator('input[name="prompt"][value="consent"]').waitFor({state: 'attached'})
  page.problems = [] // what the provider's own pages had to say
  await page.locator('button[type="submit"]').click()
  await page.waitForURL(url => url.href.startsWith(own.url), {waitUntil: 'commit'})
}

async function one_signs_on_at_the_provider_and_comes_back_to_the_view_that_was_asked_for_with_the_role_of_the_claims(shop, browser) {
  await withProvider(shop, {TELOS_OIDC_SIGN_OUT: 'yes'}, async (own, issuer) => {
    const page = await visitor(browser, own, issuer)
    await page.goto(`${own.url}/#/consent?tab=rates`)
    await page.getByRole('link', {name: /^Sign in with /}).waitFor()
    await axeClean(page, 'the sign-in with a provider')
    await picture(page, 'console-sign-on', false)
    await signOn(page, own, issuer, 'bela')
    await page.getByRole('heading', {level: 1, name: 'Consent'}).waitFor()
    assert.match(page.url(), /#\/consent\?tab=rates$/, 'the view that was asked for')
    const side = page.getByRole('complementary', {name: 'Telos'})
    await side.getByText('Needle Bela').waitFor()
    await side.getByText('Marketing', {exact: true}).waitFor()
    await page.goto(`${own.url}/#/profiles?who=user_id:nobody`)
    const through = page.getByRole('group', {name: 'Seen through the purpose'})
    await through.waitFor()
    assert.deepEqual((await through.getByRole('button').allInnerTexts()).map(one => one.trim()).sort(), ['advertising', 'newsletter'], 'the purposes of the claims')
    page.problems = page.problems.filter(one => !/404/.test(one))
    await clean(page, 'the console after signing on')

    // out: here, and, as the operator wants it, there
    await page.getByRole('button', {name: 'Sign out'}).click()
    await page.waitForURL(url => url.href.startsWith(issuer), {waitUntil: 'commit'})
    await page.locator('button[name="logout"][value="yes"]').click()
    await page.waitForURL(url => url.href.startsWith(own.url), {waitUntil: 'commit'})
    await page.getByRole('link', {name: /^Sign in with /}).waitFor()
    assert.equal((await page.request.get(own.url + '/v1/consents/rates')).status(), 401, 'the session is over')
    await page.getByRole('link', {name: /^Sign in with /}).click()
    await page.locator('input[name="login"]').waitFor() // there, too: a name is asked for again
    await page.context().close()
  })
}

async function who_has_no_role_there_is_told_so_here(shop, browser) {
  await withProvider(shop, {}, async (own, issuer) => {
    const page = await visitor(browser, own, issuer)
    await page.goto(own.url + '/')
    await signOn(page, own, issuer, 'nobody')
    await page.getByRole('alert').getByText('You have no role here yet').waitFor()
    await axeClean(page, 'a sign-on that was refused')
    await picture(page, 'console-sign-on-refused', false)
    await clean(page, 'a sign-on that was refused')
    await page.context().close()
  })
}

export const signOnCases = [one_signs_on_at_the_provider_and_comes_back_to_the_view_that_was_asked_for_with_the_role_of_the_claims, who_has_no_role_there_is_told_so_here]
