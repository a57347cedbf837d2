// A Telos of its own for the tests, with the demo shop's policy, and what they ask it.
import {spawn, execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync, openSync, readFileSync} from 'node:fs'
import {createInterface} from 'node:readline'
import {tmpdir} from 'node:os'
import path from 'node:path'

export const here = path.dirname(new URL(import.meta.url).pathname)
export const webKey = 'browser-web-key'
const keys = {DUNA_WEB_KEY: webKey, DUNA_CALLCENTRE_KEY: 'browser-call-key', DUNA_TILL_KEY: 'browser-till-key', DUNA_HOOK_SECRET: 'secret'}

export class Telos {
  async start(program) {
    this.program = program
    this.directory = mkdtempSync(path.join(tmpdir(), 'telos-browser-'))
    this.data = path.join(this.directory, 'data')
    this.log = path.join(this.directory, 'log')
    this.env = {...process.env, ...keys}
    const policy = path.join(here, '../../demo/policy.yaml')
    this.process = spawn(program, ['serve', '--data', this.data, '--policy', policy, '--listen', '127.0.0.1:0', '--log', 'debug'],
      {env: this.env, stdio: ['ignore', 'pipe', openSync(this.log, 'a')]})
    for await (const line of createInterface({input: this.process.stdout})) {
      const found = line.match(/listening on (http:\S+)/)
      if (found) {
        this.url = found[1].replace(/\/$/, '')
        break
      }
    }
    if (!this.url) throw new Error('telos serve did not start: ' + this.logText())
    this.process.stdout.resume?.()
    this.token = JSON.parse(this.command('token', 'create', '--role', 'admin', '--purpose', '*')).token
  }
  logText() { return readFileSync(this.log, 'utf8') }
  command(...words) { return execFileSync(this.program, [...words, '--data', this.data, '--json'], {env: this.env, encoding: 'utf8'}) }
  stop() {
    this.process.kill('SIGTERM')
    rmSync(this.directory, {recursive: true, force: true})
  }
  async ask(method, where, body, headers = {}) {
    const reply = await fetch(this.url + where, {method, body: body && JSON.stringify(body), redirect: 'manual',
      headers: {Authorization: `Bearer ${this.token}`, ...(body ? {'Content-Type': 'application/json'} : {}), ...headers}})
    const text = await reply.text()
    return {status: reply.status, headers: reply.headers, text, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : null}
  }
  async must(method, where, body, headers) {
    const reply = await this.ask(method, where, body, headers)
    if (reply.status >= 300) throw new Error(`${method} ${where}: ${reply.status} ${reply.text.slice(0, 500)}`)
    return reply.json
  }
  state(subject, purpose, status, more = {}) { return this.must('POST', '/v1/consents', {subject, purpose, status, ...more}) }
  collect(source, type, message) { return this.must('POST', `/v1/${type}?source=${source}&explain=1`, message) }
  async link(subject, expiresIn) { return (await this.must('POST', '/v1/preferences/link', {subject, expires_in: expiresIn})).url }
  async consents(subject, purpose) {
    return (await this.must('GET', `/v1/consents?subject=${encodeURIComponent(subject)}${purpose ? '&purpose=' + purpose : ''}`)).consents
  }
  async profile(subject, purpose) {
    const reply = await this.ask('GET', `/v1/profiles/${subject}`, null, {Purpose: purpose})
    return reply.status === 200 ? reply.json : {status: reply.status, events: [], traits: {}, ...reply.json}
  }
  async until(what, get, wanted) {
    const end = Date.now() + 15000
    for (;;) {
      const value = await get()
      if (wanted(value)) return value
      if (Date.now() > end) throw new Error(`not within 15 s: ${what}; there is ${JSON.stringify(value).slice(0, 1500)}`)
      await new Promise(resolve => setTimeout(resolve, 60))
    }
  }
}

// A customer with something in every part of the page; the traits hold what a page must escape.
export async function customer(telos, name, traits = {}) {
  const id = name.toLowerCase(), email = `${id}@example.hu`
  await telos.state(`user_id:${id}`, 'fulfilment', 'opened')
  await telos.state(`user_id:${id}`, 'fraud', 'informed')
  await telos.state(`user_id:${id}`, 'service', 'informed')
  await telos.state(`user_id:${id}`, 'recognition', 'informed')
  await telos.collect('callcentre', 'identify', {userId: id, traits: {email, firstName: name, phone: '+36301234567',
    address: {city: 'Szeged', street: 'Tisza Lajos krt. 1.'}, language: 'hu', ...traits}})
  await telos.collect('till', 'track', {userId: id, event: 'Order Completed', properties: {order_id: 'A-1', total: 18990, products: [{name: 'Bell'}]}})
  return {id, email, subject: `user_id:${id}`}
}
