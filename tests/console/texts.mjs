// What is compared without a browser: texts in both languages, reason codes, the client's types.
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import path from 'node:path'
import {tmpdir} from 'node:os'
import {app, hungarian, reasons, reasonsOfConsole, refusals, refusalsOfConsole, texts} from './words.mjs'

async function every_text_has_its_Hungarian() {
  const has = hungarian(), missing = texts().filter(one => !has.has(one))
  assert.ok(texts().length > 500, 'the texts are found')
  assert.deepEqual(missing, [])
}

async function reason_codes_are_those_of_the_program() {
  assert.deepEqual(reasonsOfConsole(), reasons())
  assert.ok(refusals().length > 5)
  assert.deepEqual(refusalsOfConsole(), refusals())
}

// The types in the tree may be of an older description; what counts is that the console fits the API as the program describes it now.
async function the_console_fits_the_API_that_the_program_describes(shop) {
  const folder = mkdtempSync(path.join(tmpdir(), 'telos-types-'))
  try {
    for (const name of ['src', 'tsconfig.json', 'package.json']) cpSync(path.join(app, name), path.join(folder, name), {recursive: true})
    symlinkSync(path.join(app, 'node_modules'), path.join(folder, 'node_modules'))
    writeFileSync(path.join(folder, 'openapi.json'), await (await fetch(shop.url + '/openapi.json')).text())
    execFileSync(path.join(app, 'node_modules/.bin/openapi-typescript'), ['openapi.json', '-o', 'src/api-types.d.ts'], {cwd: folder, stdio: 'pipe'})
    try {
      execFileSync(path.join(app, 'node_modules/.bin/tsc'), ['-p', '.'], {cwd: folder, stdio: 'pipe', encoding: 'utf8'})
    } catch (error) {
      assert.fail(error.stdout)
    }
  } finally {
    rmSync(folder, {recursive: true, force: true})
  }
}

export const textCases = [every_text_has_its_Hungarian, reason_codes_are_those_of_the_program, the_console_fits_the_API_that_the_program_describes]
