// The demo shop, small, for the console to look at: a server, its systems, a few dozen customers, and a user of each role.
import {spawn, execFileSync} from 'node:child_process'
import {cpSync, existsSync, mkdtempSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {createInterface} from 'node:readline'
import {tmpdir} from 'node:os'
import path from 'node:path'

export const root = path.join(path.dirname(new URL(import.meta.url).pathname), '../..')
export const password = 'correct horse battery'
export const roles = {admin: ['*'], privacy: ['*'], marketer: ['newsletter', 'advertising'], agent: ['service', 'fulfilment'], auditor: ['*']}
const sources = ['WEB', 'APP', 'TILL', 'CALLCENTRE', 'SURVEY', 'SCALE', 'SOCIAL', 'FILES']

export function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => { const {port} = server.address(); server.close(() => resolve(port)) })
  })
}

export class Shop {
  constructor(build) { this.program = path.join(build, 'telos'); this.demo = path.join(build, 'demo/telos-demo') }
  /** empty: no policy yet. people 0: the policy, and nobody. port, env: where somebody else must know the address before. */
  async start({empty = false, people = 40, port = 0, env = {}} = {}) {
    this.directory = mkdtempSync(path.join(tmpdir(), 'telos-console-'))
    this.data = path.join(this.directory, 'data')
    this.log = path.join(this.directory, 'log')
    if (port) this.url = `http://127.0.0.1:${port}`
    this.env = {...process.env, ...env, DUNA_HOOK_SECRET: 'secret'}
    for (const name of sources) this.env[`DUNA_${name}_KEY`] = `console-${name.toLowerCase()}-key`
    const words = ['serve', '--data', this.data]
    if (!empty) {
      const systems = await freePort()
      mkdirSync(path.join(this.directory, 'policy'))
      cpSync(path.join(root, 'demo/notices'), path.join(this.directory, 'policy/notices'), {recursive: true})
      this.policy = path.join(this.directory, 'policy/policy.yaml')
      writeFileSync(this.policy, readFileSync(path.join(root, 'demo/policy.yaml'), 'utf8').replaceAll(':8490', `:${systems}`))
      this.receivers(systems)
      words.push('--policy', this.policy)
    }
    await this.serve(words)
    this.token = JSON.parse(this.command('token', 'create', '--role', 'admin', '--purpose', '*')).token
    if (!empty && people) {
      execFileSync(this.demo, ['shop', '--server', this.url, '--people', String(people)], {env: {...this.env, TELOS_TOKEN: this.token}, stdio: ['ignore', 'ignore', openSync(this.log, 'a')]})
    }
    if (!empty) for (const [role, purposes] of Object.entries(roles)) await this.must('POST', '/v1/users', {name: role, title: `Test ${role}`, role, purposes, password})
  }
  /** The shop's other systems; with another secret they refuse what comes, as after a mistake in a setting. */
  receivers(port = this.receiversPort, secret = 'secret') {
    this.receiversPort = port
    this.systems = spawn(this.demo, ['systems', '--listen', `127.0.0.1:${port}`], {env: {...this.env, DUNA_HOOK_SECRET: secret}, stdio: 'ignore'})
  }
  async receiversWith(secret) {
    const ended = new Promise(resolve => this.systems.once('exit', resolve))
    this.systems.kill('SIGTERM')
    await ended
    this.receivers(this.receiversPort, secret)
    for (let i = 0; i < 100; i++) if (await fetch(`http://127.0.0.1:${this.receiversPort}/shop`).then(() => true, () => new Promise(resolve => setTimeout(() => resolve(false), 100)))) return
  }
  // Starts the server; a second time on the same port, as after an outage.
  async serve(words = this.words) {
    this.words = words
    const listen = this.url ? this.url.replace('http://', '') : '127.0.0.1:0'
    this.process = spawn(this.program, [...words, '--listen', listen], {env: this.env, stdio: ['ignore', 'pipe', openSync(this.log, 'a')]})
    this.said = []
    await new Promise((resolve, reject) => {
      createInterface({input: this.process.stdout}).on('line', line => {
        this.said.push(line)
        const found = line.match(/listening on (http:\S+)/)
        if (found) { this.url = found[1].replace(/\/$/, ''); resolve() }
      })
      this.process.on('exit', () => reject(new Error('telos serve ended: ' + (existsSync(this.log) ? readFileSync(this.log, 'utf8').slice(-2000) : ''))))
    })
  }
  async down() {
    const ended = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGTERM')
    await ended
  }
  command(...words) { return execFileSync(this.program, [...words, '--data', this.data, '--json'], {env: this.env, encoding: 'utf8'}) }
  stop() {
    this.process?.kill('SIGTERM')
    this.systems?.kill('SIGTERM')
    if (this.directory) rmSync(this.directory, {recursive: true, force: true})
  }
  async ask(method, where, body) {
    const reply = await fetch(this.url + where, {method, body: body && JSON.stringify(body), headers: {Authorization: `Bearer ${this.token}`, ...(body ? {'Content-Type': 'application/json'} : {})}})
    const text = await reply.text()
    return {status: reply.status, text, json: /^[[{]/.test(text) ? JSON.parse(text) : null}
  }
  async must(method, where, body) {
    const reply = await this.ask(method, where, body)
    if (reply.status >= 300) throw new Error(`${method} ${where}: ${reply.status} ${reply.text.slice(0, 400)}`)
    return reply.json
  }
}
