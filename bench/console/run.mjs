// How the console fares beside a million people and a thousand messages a second: the first load; frames, long tasks and memory of the Live page; how long each
// page takes to be there. Chromium through Playwright (the parts of tests/browser); prints a table, and JSON with --out.
//
//     node bench/console/run.mjs [--build build] [--people 1000000] [--rate 1000] [--seconds 60] [--data DIR] [--out FILE]
//
// --data: an own data directory that stays, so that a second run finds the people there.
import {spawn, execFileSync} from 'node:child_process'
import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {createInterface} from 'node:readline'
import {loadavg, tmpdir} from 'node:os'
import path from 'node:path'
import {Browser} from '../../tests/browser/browser.mjs'

const options = {build: 'build', people: '1000000', rate: '1000', seconds: '60', data: '', out: ''}
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '')
  if (!(name in options) || process.argv[i + 1] === undefined) { console.error('usage: run.mjs [--build DIR] [--people N] [--rate N] [--seconds N] [--data DIR] [--out FILE]'); process.exit(2) }
  options[name] = process.argv[i + 1]
}
const root = path.join(path.dirname(new URL(import.meta.url).pathname), '../..')
const build = path.resolve(options.build), telos = path.join(build, 'telos'), load = path.join(build, 'bench/load')
const people = Number(options.people), rate = Number(options.rate), seconds = Number(options.seconds)
const own = !options.data, data = options.data || mkdtempSync(path.join(tmpdir(), 'telos-bench-console-'))
const key = 'bench-write-key', env = {...process.env, BENCH_WRITE_KEY: key}
mkdirSync(data, {recursive: true})

function serve() {
  const child = spawn(telos, ['serve', '--data', path.join(data, 'store'), '--policy', path.join(root, 'bench/policy.yaml'), '--listen', '127.0.0.1:0'], {env, stdio: ['ignore', 'pipe', 'inherit']})
  return new Promise((resolve, reject) => {
    createInterface({input: child.stdout}).on('line', line => { const found = line.match(/listening on (http:\S+)/); if (found) resolve({child, url: found[1].replace(/\/$/, '')}) })
    child.on('exit', () => reject(new Error('telos serve ended')))
  })
}
const local = (...words) => JSON.parse(execFileSync(telos, [...words, '--data', path.join(data, 'store'), '--json'], {env, encoding: 'utf8'}))
const middle = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
const at = (list, part) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * part))]

const {child, url} = await serve()
const rows = []
const row = (what, value, unit, note = '') => { rows.push({what, value, unit, note}); console.log(`${what.padEnd(58)} ${String(value).padStart(12)} ${unit.padEnd(8)} ${note}`) }
const browser = new Browser()
let stop = () => undefined
try {
  const token = local('token', 'create', '--role', 'admin', '--purpose', '*').token
  const call = async (method, where, body) => {
    const reply = await fetch(url + where, {method, body: body && JSON.stringify(body), headers: {Authorization: `Bearer ${token}`, ...(body ? {'Content-Type': 'application/json'} : {})}})
    return reply.json()
  }
  const there = (await call('GET', '/v1/stats')).now.persons
  if (there < people) {
    console.log(`filling in ${people - there} people …`)
    execFileSync(load, ['--port', new URL(url).port, '--mode', 'people', '--connections', '8', '--key', key, '--people', String(people - there), '--from', String(there)], {stdio: ['ignore', 'ignore', 'inherit']})
  }
  row('people in the store', (await call('GET', '/v1/stats')).now.persons, '')
  await call('POST', '/v1/users', {name: 'bench', role: 'admin', purposes: ['*'], password: 'a password of the bench'})
  await browser.start()
  const page = await browser.page({viewport: {width: 1280, height: 860}})
  page.setDefaultTimeout(60000)

  // the first load, with an empty cache
  const first = []
  let bytes = 0
  for (let i = 0; i < 5; i++) {
    const fresh = await browser.page({viewport: {width: 1280, height: 860}})
    const session = await fresh.context().newCDPSession(fresh)
    await session.send('Network.enable')
    bytes = 0
    session.on('Network.loadingFinished', event => { bytes += event.encodedDataLength })
    const began = performance.now()
    await fresh.goto(url + '/', {waitUntil: 'commit'})
    await fresh.getByRole('button', {name: 'Sign in'}).waitFor()
    first.push(performance.now() - began)
    await fresh.context().close()
  }
  row('first load until one can sign in (median of 5)', Math.round(middle(first)), 'ms', 'an empty cache')
  row('bytes over the wire for it', bytes, 'bytes', 'packed, with heads')

  await page.goto(url + '/')
  await page.getByLabel('Name', {exact: true}).fill('bench')
  await page.getByLabel('Password', {exact: true}).fill('a password of the bench')
  await page.getByRole('button', {name: 'Sign in'}).click()
  await page.getByRole('heading', {level: 1}).waitFor()

  // so many messages a second, steadily, from another process's point of view: in batches of a tenth of a second
  let sent = 0, going = true
  const every = 100, each = Math.max(1, Math.round(rate / 10))
  const feed = (async () => {
    const began = performance.now()
    for (let n = 0; going; n++) {
      const batch = Array.from({length: each}, (_, i) => ({type: 'track', userId: `person-${Math.floor(Math.random() * people)}`, event: ['Product Viewed', 'Product Added', 'Order Completed'][i % 3], properties: {product_id: `P-${i}`, price: 12.5}}))
      const reply = await fetch(url + '/v1/batch', {method: 'POST', body: JSON.stringify({batch}), headers: {'Content-Type': 'application/json', Authorization: 'Basic ' + Buffer.from(key + ':').toString('base64')}})
      await reply.arrayBuffer()
      sent += each
      const wait = began + (n + 1) * every - performance.now()
      if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    }
  })()
  stop = async () => { going = false; await feed }

  const pages = {Home: '#/', Live: '#/live', Purposes: '#/purposes', Consent: '#/consent', 'Consent, rates': '#/consent?tab=rates', Rights: '#/rights', Destinations: '#/destinations', Evidence: '#/evidence', 'Every no': '#/evidence?tab=denials', Records: '#/records', Access: '#/access', Reads: '#/access?tab=reads'}
  for (const [name, hash] of Object.entries(pages)) {
    await page.goto(url + '/#/nowhere')
    const began = performance.now()
    await page.goto(url + '/' + hash)
    await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('.bones') && !/no such page/.test(document.querySelector('h1').textContent))
    row(`page ${name}, until nothing loads any more`, Math.round(performance.now() - began), 'ms', `with ${rate} messages a second`)
  }

  // Live
  await page.goto(url + '/#/live')
  await page.getByText('connected', {exact: true}).waitFor()
  const before = sent
  const measured = await page.evaluate(async seconds => {
    const frames = [], tasks = []
    new PerformanceObserver(list => { for (const one of list.getEntries()) tasks.push(one.duration) }).observe({entryTypes: ['longtask']})
    const end = performance.now() + seconds * 1000
    let last = performance.now()
    await new Promise(resolve => {
      const frame = now => { frames.push(now - last); last = now; if (now < end) requestAnimationFrame(frame); else resolve() }
      requestAnimationFrame(frame)
    })
    const kept = document.body.innerText.match(/([\d,. ]+) kept here/)
    return {frames: frames.slice(2), tasks, rows: document.querySelectorAll('.live-row').length, dropped: /not shown/.test(document.body.innerText), kept: kept && kept[1], heap: performance.memory?.usedJSHeapSize ?? 0}
  }, seconds)
  row('Live: messages a second sent while it was open', Math.round((sent - before) / seconds), '1/s')
  row('Live: frames a second', Math.round(measured.frames.length / seconds), '1/s')
  row('Live: frame, median', middle(measured.frames).toFixed(1), 'ms')
  row('Live: frame, 99 of 100', at(measured.frames, 0.99).toFixed(1), 'ms')
  row('Live: longest frame', Math.max(...measured.frames).toFixed(1), 'ms')
  row('Live: frames over 50 ms', measured.frames.filter(one => one > 50).length, '', `of ${measured.frames.length}`)
  row('Live: tasks over 50 ms', measured.tasks.length, '', measured.tasks.length ? `longest ${Math.max(...measured.tasks).toFixed(0)} ms` : '')
  row('Live: rows in the page', measured.rows, '')
  row('Live: messages not shown', measured.dropped ? 'yes' : 'none', '')
  row('Live: memory of scripts', (measured.heap / 1e6).toFixed(0), 'MB', `${measured.kept} kept`)
  const wheel = await page.evaluate(async () => {
    const box = document.querySelector('.live-rows'), frames = []
    let last = performance.now()
    for (let i = 0; i < 240; i++) { box.scrollTop += 400; await new Promise(requestAnimationFrame); const now = performance.now(); frames.push(now - last); last = now }
    return frames
  })
  row('Live: frame while scrolling, 99 of 100', at(wheel, 0.99).toFixed(1), 'ms')
  row('load of the machine in the last minute', loadavg()[0].toFixed(1), '', 'with server, feed and browser')
  if (options.out) writeFileSync(options.out, JSON.stringify(rows, null, 1))
} finally {
  await stop()
  await browser.stop()
  child.removeAllListeners('exit')
  const over = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await over
  if (own && existsSync(data)) rmSync(data, {recursive: true, force: true})
}
