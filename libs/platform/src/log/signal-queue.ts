import { type Signal, topics } from '@vigil/contracts';
import type { Log } from './log.js';

/**
 * What a processor has to say on `vigil.signals`. It is said before the state that raised it is committed: a crash between
 * says it again, under the same ids.
 */
export class SignalQueue {
  #unsaid: Signal[] = [];

  constructor(private readonly log: Log) {}

  push(signal: Signal): void {
    this.#unsaid.push(signal);
  }

  /** Resolves when the log has all of it; what it did not take is kept for the next turn. */
  async flush(): Promise<void> {
    if (this.#unsaid.length === 0) return;
    const signals = this.#unsaid;
    await this.log.append(
      topics.signals,
      signals.map((signal) => ({ key: signal.subject, value: Buffer.from(JSON.stringify(signal)) })),
    );
    this.#unsaid = this.#unsaid.slice(signals.length);
  }
}
