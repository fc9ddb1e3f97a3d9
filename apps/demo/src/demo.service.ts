import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import {
  Clock,
  Health,
  LocalProcessGroups,
  Outgoing,
  readTimeline,
  recordTimeline,
  RelationalStore,
  SelfUrl,
} from '@vigil/platform';
import { ProcessGroups } from '@vigil/remediation';
import { encodeRemoteWrite } from '@vigil/telemetry';
import type { SloStatus, WatchedSeries } from '@vigil/contracts';
import snappy from 'snappy';
import type { DemoControl } from './control.js';
import { type Fleet, makeFleet } from './fleet.js';
import { quietPast } from './past.js';
import { checkoutReplicas, type Fault } from './shop.js';
import { Story } from './story.js';

/** What the demo is given from outside: its control, and where it tells its story. */
export abstract class DemoStage {
  abstract readonly control: DemoControl;
  /** One line of the story for the terminal. */
  abstract tell(line: string): void;
}

const service = 'checkout';
const watch = 'checkout-latency-p95';
const pastMs = 6 * 3_600_000;
const pollMs = 500;
/** Points of the watched series that the detector needs before it judges, and how long the demo waits for them. */
const warmPoints = 65;
const breakByMs = 80_000;
const settleMs = 15_000;
/** After recovery was verified the provider gets well again, so that the next fault starts from a healthy shop. */
const healAfterMs = 45_000;

const faultWords: Readonly<Record<Fault, (instance: string | undefined) => string>> = {
  latency: () => 'the payment provider answers five times slower',
  errors: (instance) => `${instance} fails seven of ten requests`,
  leak: (instance) => `${instance} leaks memory`,
};

/** Runs the shop, breaks it once by itself, and tells what Vigil does about it. */
@Injectable()
export class DemoService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('demo');
  #fleet: Fleet | undefined;
  #stopped = false;
  #running: Promise<void> | undefined;
  #story: Story | undefined;
  #brokenMs = 0;
  #seen = 0;
  #isFirst = true;

  constructor(
    private readonly stage: DemoStage,
    private readonly store: RelationalStore,
    private readonly clock: Clock,
    @Inject(ProcessGroups) private readonly groups: LocalProcessGroups,
    private readonly outgoing: Outgoing,
    private readonly health: Health,
    private readonly self: SelfUrl,
  ) {}

  onApplicationBootstrap(): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stopped) this.#logger.error(error);
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    const fleet = this.#fleet;
    if (fleet !== undefined) {
      await fleet.load.close();
      await Promise.all([fleet.gateway.close(), fleet.checkout.close()]);
    }
    await this.#running;
    await this.stage.control.close();
  }

  state(): object {
    return {
      service,
      fault: this.stage.control.fault ?? null,
      replicas: this.#fleet?.checkout.replicas ?? 0,
      pages: this.stage.control.pages,
    };
  }

  /** @returns in words, what is broken now. */
  async break(fault: Fault): Promise<string> {
    const instance = this.stage.control.break(fault, this.#fleet?.checkout.instances() ?? []);
    const words = `${service}: ${faultWords[fault](instance)}`;
    this.#brokenMs = this.clock.now();
    this.#story = new Story(this.#brokenMs, service);
    this.#seen = (await readTimeline(this.store, 1))[0]?.id ?? 0;
    await this.#note('break', { service, fault, ...(instance === undefined ? {} : { instance }), words });
    this.stage.tell(`00:00  fault: ${words}`);
    return words;
  }

  /** Everything is as on a good day again. */
  async heal(): Promise<string> {
    const was = this.stage.control.fault;
    this.stage.control.heal();
    const words = was === undefined ? 'nothing was broken' : `${service}: the fault '${was}' is over`;
    if (was !== undefined) await this.#note('heal', { service, fault: was, words });
    const fleet = this.#fleet;
    if (fleet !== undefined && fleet.checkout.replicas !== checkoutReplicas.usual) {
      await this.#pause(5_000);
      if (!this.#stopped) await fleet.checkout.scale(checkoutReplicas.usual);
    }
    return words;
  }

  async #run(): Promise<void> {
    while (!this.health.started) {
      if (this.#stopped) return;
      await this.#pause(100);
    }
    const url = this.self.url;
    const readyMs = this.clock.now();
    await this.#bringPast(url);
    const fleet = makeFleet(this.stage.control, url, (instance) => this.#logger.warn(`${instance} ended by itself`));
    this.#fleet = fleet;
    for (const group of [fleet.gateway, fleet.checkout]) this.groups.register(group);
    await Promise.all([fleet.checkout.scale(checkoutReplicas.usual), fleet.gateway.scale(3)]);
    await fleet.load.scale(1);
    this.stage.tell('the shop is open: 3 gateways, 3 checkouts, 60 customers a second. Something will break soon.');
    const servingMs = this.clock.now();
    while (!this.#stopped && this.clock.now() < readyMs + breakByMs) {
      if (this.clock.now() > servingMs + settleMs && (await this.#points(url)) >= warmPoints) break;
      await this.#pause(1_000);
      await this.#tell();
    }
    if (!this.#stopped && this.#story === undefined && this.stage.control.fault === undefined)
      await this.break('latency');
    while (!this.#stopped) {
      await this.#pause(pollMs);
      await this.#tell();
    }
  }

  /** The first start has no past: it is made up, and said to be. */
  async #bringPast(url: string): Promise<void> {
    const slo = await this.#get<SloStatus>(`${url}/api/v1/slos/checkout-latency`);
    if (slo === undefined || slo.total > 0) return;
    const now = this.clock.now();
    const body = await snappy.compress(Buffer.from(encodeRemoteWrite(quietPast(now - pastMs, now - 60_000))));
    await this.outgoing.call({
      method: 'POST',
      url: `${url}/api/v1/write`,
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body,
    });
    this.stage.tell("six quiet hours were made up as the shop's past, so that its error budget means something.");
  }

  async #tell(): Promise<void> {
    const story = this.#story;
    if (story === undefined || story.isOver) return;
    for (const entry of await readTimeline(this.store, 100, this.#seen)) {
      this.#seen = entry.id;
      for (const { atMs, text } of story.read(entry)) this.stage.tell(`${clockText(atMs - this.#brokenMs)}  ${text}`);
    }
    if (!story.isOver) return;
    if (this.#isFirst) this.#invite();
    this.#isFirst = false;
    void this.#pause(healAfterMs)
      .then(() => (this.#stopped || this.#story !== story ? '' : this.heal()))
      .catch((error: unknown) => this.#logger.warn(error));
  }

  #invite(): void {
    this.stage.tell('');
    this.stage.tell('Now break it yourself:  npx vigil demo break checkout --fault errors   (or latency, leak)');
    this.stage.tell('or try your own data:   npx vigil detect --in series.csv --out scores.csv');
  }

  async #points(url: string): Promise<number> {
    const list = await this.#get<{ items: { id: string }[] }>(`${url}/api/v1/series?watch=${watch}`);
    const id = list?.items[0]?.id;
    if (id === undefined) return 0;
    return (
      (await this.#get<WatchedSeries>(`${url}/api/v1/series/${id}/points?limit=${warmPoints}`))?.points.length ?? 0
    );
  }

  async #get<Answer>(url: string): Promise<Answer | undefined> {
    const { status, body } = await this.outgoing.call({ method: 'GET', url });
    return status === 200 ? (JSON.parse(body) as Answer) : undefined;
  }

  async #note(what: string, body: Readonly<Record<string, string>>): Promise<void> {
    const at = new Date(this.clock.now()).toISOString();
    await recordTimeline(this.store, {
      key: `demo:${what}:${at}`,
      at,
      kind: 'demo',
      subject: service,
      body: { what, ...body },
    });
  }

  async #pause(ms: number): Promise<void> {
    for (let waited = 0; waited < ms && !this.#stopped; waited += 100)
      await new Promise((resolve) => setTimeout(resolve, Math.min(100, ms)));
  }
}

/** `02:05`, from the fault on. */
function clockText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
