// The C decoders: a line in, a line of JSON out.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Driver {
  constructor(program) {
    this.child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()(JSON.parse(line)));
    this.ended = new Promise((done) => this.child.on('close', (code, signal) => done({ code, signal })));
    this.ended.then(({ code, signal }) => {
      for (const answer of this.waiting) answer({ died: signal ?? code });
      this.dead = true;
    });
  }
  ask(line) {
    if (this.dead) return Promise.resolve({ died: true });
    return new Promise((done) => {
      this.waiting.push(done);
      this.child.stdin.write(line + '\n');
    });
  }
  async end() {
    this.child.stdin.end();
    return this.ended;
  }
}
