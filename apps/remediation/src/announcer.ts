import { Inject, Injectable, Logger } from '@nestjs/common';
import { Catalogue, parseServices } from '@vigil/catalog';
import { type ActionMessage, schemaVersion, topics } from '@vigil/contracts';
import {
  audit,
  Clock,
  Log,
  LogOutbox,
  readDocumentFolder,
  RelationalStore,
  SETTINGS,
  type Settings,
  type Sql,
} from '@vigil/platform';
import { evidenceOf, type Run, statementKey } from '@vigil/remediation';

/** Says on `vigil.actions` what a run does, and writes it into the audit log: beside the state that it tells of. */
@Injectable()
export class Announcer {
  readonly #logger = new Logger('remediation');
  readonly #said: LogOutbox;
  readonly #catalogue: Catalogue;
  /** Next offset of the alerts by `topic/partition`, for provenance. */
  readonly offsets: Record<string, number> = {};

  constructor(
    store: RelationalStore,
    log: Log,
    private readonly clock: Clock,
    @Inject(SETTINGS) settings: Settings,
  ) {
    this.#said = new LogOutbox(store, log, 'actions-log');
    this.#catalogue = readCatalogue(settings.paths.catalogue);
  }

  async say(sql: Sql, run: Run): Promise<void> {
    const { runbook, target, phase, reason } = run;
    const nowMs = this.clock.now();
    const { service = '' } = run.alert.labels;
    const tier = this.#catalogue.find(service)?.tier;
    const message: ActionMessage = {
      schemaVersion,
      id: `${run.id}:${statementKey(run)}`,
      runId: run.id,
      phase,
      runbook,
      target,
      reason,
      evidence: evidenceOf(run),
      labels: { ...run.alert.labels, ...(tier === undefined ? {} : { tier }) },
      signalId: run.alert.signalId,
      at: new Date(nowMs).toISOString(),
      provenance: { documentHash: run.documentHash, logOffsets: { ...this.offsets } },
    };
    await this.#said.enqueue(
      sql,
      { id: message.id, topic: topics.actions, key: target, body: message, schemaVersion },
      nowMs,
    );
    this.#logger.log(`${runbook} on ${target}: ${phase}: ${reason}`);
  }

  async audit(sql: Sql, run: Run, event: string): Promise<void> {
    const detail = { run: run.id, runbook: run.runbook, phase: run.phase, text: run.history.at(-1)?.text };
    await audit(
      sql,
      { actor: 'remediation', action: `remediation.${event}`, target: run.target, detail },
      this.clock.now(),
    );
  }

  deliver(): Promise<number> {
    return this.#said.deliver(this.clock.now());
  }
}

/** For the tier alone: what is wrong with the catalogue is told by the service that serves it. */
function readCatalogue(path: string | undefined): Catalogue {
  const files = path === undefined ? [] : [...readDocumentFolder('VIGIL_CATALOGUE', path)];
  return new Catalogue(files.flatMap(({ text, file }) => parseServices(text, file).services));
}
