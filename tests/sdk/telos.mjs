// A Telos of its own for the tests, and what they ask it.
import {spawn, execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync, openSync} from 'node:fs'
import {createInterface} from 'node:readline'
import {tmpdir} from 'node:os'
import path from 'node:path'

export const writeKey = 'site-write-key-1'
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)

export class Telos {
  async start(program) {
    this.directory = mkdtempSync(path.join(tmpdir(), 'telos-sdk-'))
    this.data = path.join(this.directory, 'data')
    this.log = path.join(this.directory, 'log')
    const env = {...process.env, SITE_WRITE_KEY: writeKey}
    this.process = spawn(program, ['serve', '--data', this.data, '--policy', path.join(here, 'policy.yaml'), '--listen', '127.0.0.1:0'],
      {env, stdio: ['ignore', 'pipe', openSync(this.log, 'a')]})
    for await (const line of createInterface({input: this.process.stdout})) {
      const found = line.match(/listening on (http:\S+)/)
      if (found) {
        this.url = found[1].replace(/\/$/, '')
        break
      }
    }
    if (!this.url) throw new Error('telos serve did not start; see ' + this.log)
    this.process.stdout.resume?.()
    const made = execFileSync(program, ['token', 'create', '--data', this.data, '--role', 'admin', '--purpose', '*', '--json'], {env})
    this.token = JSON.parse(made).token
  }
  stop() {
    this.process.kill('SIGTERM')
    rmSync(this.directory, {recursive: true, force: true})
  }
  async profile(subject, purpose) {
    const reply = await fetch(`${this.url}/v1/profiles/${subject}`, {headers: {Authorization: `Bearer ${this.token}`, Purpose: purpose}})
    return reply.ok ? reply.json() : {status: reply.status, events: [], traits: {}}
  }
  // The profile, once it has what the test waits for.
  async profileWith(subject, purpose, wanted, what) {
    const until = Date.now() + 15000
    for (;;) {
      const profile = await this.profile(subject, purpose)
      if (wanted(profile)) return profile
      if (Date.now() > until) throw new Error(`not within 15 s: ${what}; there is ${JSON.stringify(profile).slice(0, 1500)}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

export function eventsNamed(profile, name) {
  return profile.events.filter(event => event.event === name)
}
