import { Agent, request } from 'node:http';

const unavailable = 503;
const timedOut = 504;

/** Calls the members of a group in turn; one that refuses the connection is passed over. */
export class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512 });
  #turn = Math.floor(Math.random() * 1_000);

  constructor(
    private readonly ports: () => readonly number[],
    private readonly timeoutMs: number,
  ) {}

  /** The status of the answer, or what stands for none. */
  async call(): Promise<number> {
    const ports = this.ports();
    for (let attempt = 0; attempt < ports.length; attempt++) {
      const status = await this.#post(ports[this.#turn++ % ports.length]!);
      if (status !== undefined) return status;
    }
    return unavailable;
  }

  #post(port: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const outgoing = request({ host: '127.0.0.1', port, path: '/checkout', method: 'POST', agent: this.#agent });
      const limit = setTimeout(() => {
        resolve(timedOut);
        outgoing.destroy();
      }, this.timeoutMs);
      outgoing.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? unavailable));
      });
      outgoing.on('error', () => resolve(undefined));
      outgoing.on('close', () => clearTimeout(limit));
      outgoing.end();
    });
  }
}
