import { createHmac, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { classifyAnswer, retryDelayMs, signWebhook } from '@vigil/alerting';
import { Clock, DestinationRefusedError, Outgoing, SETTINGS, type Settings, version } from '@vigil/platform';
import { type Effect, type ProcessGroup, ProcessGroups, StepError, type StepLimits } from '@vigil/remediation';

export interface Execution extends StepLimits {
  /** The same for every attempt at one step of one run. */
  readonly idempotencyKey: string;
  /** Ends waiting between attempts. */
  readonly signal: AbortSignal;
}

/** Asking again cannot help. */
class FinalError extends Error {}

/** Does what a run has written down: on process groups of this machine, and by calls to allowed hosts. */
@Injectable()
export class Executor {
  constructor(
    private readonly groups: ProcessGroups,
    private readonly outgoing: Outgoing,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @throws StepError when there is none of that name. */
  group(name: string): ProcessGroup {
    const group = this.groups.find(name);
    if (group !== undefined) return group;
    throw new StepError(
      `there is no process group '${name}' here; there are: ${this.groups.names().join(', ') || 'none'}`,
    );
  }

  /** @returns what was done, in words. @throws Error in words after the last attempt; AbortError when `signal` ends it. */
  async execute(effect: Effect, execution: Execution): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(effect, execution);
      } catch (error) {
        execution.signal.throwIfAborted();
        const isFinal =
          error instanceof FinalError ||
          error instanceof RangeError ||
          error instanceof StepError ||
          error instanceof DestinationRefusedError;
        if (isFinal || attempt > execution.retries) {
          const times = attempt === 1 ? '' : ` (${attempt} attempts)`;
          throw new Error(`${(error as Error).message}${times}`, { cause: error });
        }
        await sleep(retryDelayMs(attempt, randomInt(1_000_000) / 1_000_000), undefined, { signal: execution.signal });
      }
    }
  }

  async #once(effect: Effect, { timeoutMs, idempotencyKey, signal }: Execution): Promise<string> {
    switch (effect.kind) {
      case 'scale':
        await within(timeoutMs, this.group(effect.group).scale(effect.to));
        return `${effect.group} has ${effect.to} replicas`;
      case 'restart': {
        const group = this.group(effect.group);
        for (const instance of effect.instances) await within(timeoutMs, group.restart(instance));
        return `${effect.instances.join(', ')} restarted`;
      }
      case 'http':
        return this.#call(effect, timeoutMs, idempotencyKey, signal);
      default: {
        const unreachable: never = effect;
        return unreachable;
      }
    }
  }

  async #call(
    { method, url, headers, body }: Effect & { kind: 'http' },
    timeoutMs: number,
    idempotencyKey: string,
    signal: AbortSignal,
  ): Promise<string> {
    const secret = this.settings.hmacSecret;
    const hmac = (key: string, data: string): string => createHmac('sha256', key).update(data).digest('hex');
    const signature =
      secret === undefined ? {} : { 'x-vigil-signature': signWebhook(body ?? '', secret, this.clock.now(), hmac) };
    const answer = await this.outgoing.call({
      method,
      url,
      timeoutMs,
      signal,
      headers: { 'user-agent': `Vigil/${version}`, ...headers, 'idempotency-key': idempotencyKey, ...signature },
      ...(body === undefined ? {} : { body }),
    });
    const { origin } = new URL(url);
    switch (classifyAnswer(answer.status)) {
      case 'delivered':
        return `${origin} answered ${answer.status}`;
      case 'retry':
        throw new Error(`${origin} answered ${answer.status}`);
      case 'refused':
        throw new FinalError(`${origin} refused it with ${answer.status}`);
    }
  }
}

async function within<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value> {
  const late = new AbortController();
  const limit = sleep(timeoutMs, undefined, { signal: late.signal, ref: false }).then(() => {
    throw new Error(`it took more than ${timeoutMs} ms`);
  });
  // Whichever loses must not become an unhandled rejection.
  limit.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, limit]);
  } finally {
    late.abort();
  }
}
