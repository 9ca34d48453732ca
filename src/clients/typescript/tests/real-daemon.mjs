// The daemon's own binary, in a folder of its own. NEXUSD_BIN_DIR says where it is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = join(process.env.NEXUSD_BIN_DIR ?? '', 'nexusd');

/** Why tests against the real daemon cannot run; false: they can. */
export const missing = process.env.NEXUSD_BIN_DIR !== undefined && existsSync(program)
  ? false : `no nexusd: NEXUSD_BIN_DIR is ${process.env.NEXUSD_BIN_DIR ?? 'not set'}`;

export class RealDaemon {
  static async start(...flags) {
    const daemon = new RealDaemon();
    daemon.folder = mkdtempSync(join(tmpdir(), 'nexusd-real-'));
    daemon.flags = flags;
    daemon.address = `unix:${join(daemon.folder, 's')}`;
    await daemon.restart();
    return daemon;
  }

  /** Starts it, again at the same socket. */
  async restart() {
    const own = [
      `--app-socket=${join(this.folder, 's')}`, '--app-port=0', '--health-port=off', '--mesh-port=0',
      '--discovery=static', '--node-name=real',
    ].filter((one) => !this.flags.some((flag) => flag.split('=')[0] === one.split('=')[0]));
    this.process = spawn(program, [...own, ...this.flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.process, 'exit');
    let said = '';
    this.process.stderr.on('data', (bytes) => { said += bytes; });
    for await (const line of createInterface({ input: this.process.stdout })) {
      if (!line.includes(' ready ')) continue;
      this.readyLine = line;
      this.tcp = /app=tcp:(127\.0\.0\.1:\d+)/.exec(line)[1];
      return;
    }
    throw new Error(`nexusd ended before it was ready: ${said}`);
  }

  /** Ends it as a crash would. */
  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  async close() {
    this.process.kill('SIGTERM');
    await this.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Lies between a client and a daemon, so that a connection can be cut while both live. */
export class Cable {
  #ends = new Set();

  static async lay(daemon) {
    const cable = new Cable();
    cable.path = join(daemon.folder, 'cable');
    cable.address = `unix:${cable.path}`;
    cable.server = createServer((near) => {
      const far = connect(daemon.address.slice('unix:'.length));
      near.pipe(far).pipe(near);
      for (const end of [near, far]) {
        cable.#ends.add(end);
        end.on('error', () => undefined).on('close', () => cable.cut());
      }
    });
    await cable.mend();
    return cable;
  }

  /** Lets connections through. */
  async mend() {
    this.server.listen(this.path);
    await once(this.server, 'listening');
  }

  /** Ends all connections. */
  cut() {
    for (const end of this.#ends) end.destroy();
    this.#ends.clear();
  }

  /** Ends all connections and lets none through. */
  async close() {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
