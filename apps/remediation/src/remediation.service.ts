import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { alertMessageSchema, topics } from '@vigil/contracts';
import {
  type Assignment,
  claimOffset,
  Clock,
  type Consumption,
  Health,
  Log,
  type LogRecord,
  moveOffset,
  recordJson,
  SETTINGS,
  type Settings,
  type Sql,
} from '@vigil/platform';
import { Announcer } from './announcer.js';
import { Planner } from './planner.js';
import { RunStore } from './run-store.js';
import { Runner } from './runner.js';

const consumer = 'remediation';
const tickMs = 250;
const keepMs = 5_000;
const graceMs = 3_000;
const alertKeptMs = 86_400_000;

/**
 * Reads what alerting says and acts on it. The offset in the log, the alerts that are open and the runs planned for them
 * move in one transaction: an alert is neither forgotten nor answered twice.
 */
@Injectable()
export class RemediationService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('remediation');
  #consumption: Consumption | undefined;
  #timer: NodeJS.Timeout | undefined;
  #keptMs = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly health: Health,
    private readonly runs: RunStore,
    private readonly planner: Planner,
    private readonly runner: Runner,
    private readonly announcer: Announcer,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // The embedded size is one process: whoever drove a run before is gone.
    if (this.settings.kafka === undefined) await this.runs.release(true);
    this.#consumption = await this.log.consume({
      topic: topics.alerts,
      group: consumer,
      handlers: {
        assigned: (assignment) => claimOffset(this.runs.store, consumer, assignment),
        records: (assignment, records) => this.#take(assignment, records),
      },
      onError: (error) => this.#logger.warn(error),
    });
    this.#timer = setInterval(() => {
      this.#turn = this.#turn.then(() => this.#tick()).catch((error: unknown) => this.#logger.warn(error));
    }, tickMs);
    this.#logger.log(`${this.planner.runbooks.length} runbooks`);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#consumption?.stop();
    await this.#turn;
    await this.runner.stop(graceMs);
    await this.runs.release(false);
    await this.announcer.deliver().catch(() => 0);
  }

  async #take(assignment: Assignment, records: readonly LogRecord[]): Promise<void> {
    const last = records.at(-1);
    if (last === undefined) return;
    const { topic, partition } = assignment;
    this.announcer.offsets[`${topic}/${partition}`] = last.offset + 1;
    await this.runs.store.transaction(async (sql) => {
      for (const { value } of records) await this.#hear(sql, value);
      await moveOffset(sql, consumer, assignment, last.offset + 1);
    });
    await this.#consumption?.checkpointed(partition, last.offset + 1);
  }

  async #hear(sql: Sql, value: Uint8Array): Promise<void> {
    const parsed = alertMessageSchema.safeParse(recordJson(value));
    if (!parsed.success) {
      this.#logger.warn(`an alert message that is none: ${parsed.error.message}`);
      return;
    }
    const { id, event, fingerprint, kind, signalId = id, labels, evidence, at } = parsed.data;
    if (event === 'resolved') await this.runs.resolveAlert(sql, fingerprint, Date.parse(at));
    if (event !== 'opened') return;
    const alert = { id, fingerprint, kind, signalId, labels, evidence, openedAtMs: Date.parse(at) };
    if (await this.runs.addAlert(sql, alert)) await this.planner.plan(sql, alert);
  }

  async #tick(): Promise<void> {
    // Vigil's own REST is what verification reads: not before it answers.
    if (!this.health.started) return;
    const now = this.clock.now();
    await this.announcer.deliver();
    const due = await this.runs.dueAlerts(this.runs.store, now);
    for (const alert of due) await this.runs.store.transaction((sql) => this.planner.plan(sql, alert));
    await this.runner.takeUp();
    if (now - this.#keptMs < keepMs) return;
    this.#keptMs = now;
    await this.runs.keep(now);
    await this.runs.forgetAlerts(now - alertKeptMs);
  }
}
