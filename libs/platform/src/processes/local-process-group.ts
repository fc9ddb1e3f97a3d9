import { type ChildProcess, spawn } from 'node:child_process';
import { type ProcessGroup, ProcessGroups } from '@vigil/remediation';

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: (instance: string, index: number) => readonly string[];
  /** Environment of one instance; `index` counts from 0. */
  readonly env: (instance: string, index: number) => Readonly<Record<string, string>>;
  readonly min: number;
  readonly max: number;
  /** Resolves when the instance serves; a rejection stops it again. */
  readonly ready: (instance: string, index: number) => Promise<void>;
  /** An instance ended that nobody had asked to; it is started again. */
  readonly onCrash?: (instance: string, code: number | null) => void;
}

interface Instance {
  readonly name: string;
  readonly index: number;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  stopping: boolean;
}

const stopMs = 3_000;
const restartMs = 500;

/** A service's replicas as child processes: started, scaled, restarted, and started again when they die. */
export class LocalProcessGroup implements ProcessGroup {
  readonly #instances = new Map<number, Instance>();
  #replicas = 0;
  #closed = false;
  /** One change at a time: a scaling that overtakes another would leave neither number. */
  #turn: Promise<void> = Promise.resolve();

  constructor(private readonly spec: ProcessSpec) {}

  get name(): string {
    return this.spec.name;
  }

  get replicas(): number {
    return this.#replicas;
  }

  instances(): string[] {
    return [...this.#instances.values()].filter(({ stopping }) => !stopping).map(({ name }) => name);
  }

  scale(replicas: number): Promise<void> {
    const { min, max, name } = this.spec;
    if (!Number.isInteger(replicas) || replicas < min || replicas > max)
      return Promise.reject(new RangeError(`${name} may have ${min} to ${max} replicas, not ${replicas}`));
    return this.#inTurn(async () => {
      this.#replicas = replicas;
      const indexes = Array.from({ length: max }, (_, index) => index);
      await Promise.all(
        indexes.map((index) => {
          const instance = this.#instances.get(index);
          if (index < replicas) return instance === undefined ? this.#start(index) : undefined;
          return instance === undefined ? undefined : this.#stop(instance);
        }),
      );
    });
  }

  restart(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const instance = [...this.#instances.values()].find((each) => each.name === name);
      if (instance === undefined)
        throw new RangeError(`'${name}' does not run; there are ${this.instances().join(', ')}`);
      await this.#stop(instance);
      await this.#start(instance.index);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn.catch(() => undefined);
    this.#replicas = 0;
    await Promise.all([...this.#instances.values()].map((instance) => this.#stop(instance)));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => undefined).then(() => (this.#closed ? undefined : work()));
    this.#turn = turn;
    return turn;
  }

  async #start(index: number): Promise<void> {
    const { name, command, args, env, ready } = this.spec;
    const instanceName = `${name}-${index}`;
    const child = spawn(command, [...args(instanceName, index)], {
      env: env(instanceName, index),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const instance: Instance = { name: instanceName, index, child, exited, stopping: false };
    this.#instances.set(index, instance);
    void exited.then(() => this.#ended(instance));
    try {
      await Promise.race([ready(instanceName, index), exited.then(() => Promise.reject(endedError(instanceName)))]);
    } catch (error) {
      await this.#stop(instance);
      throw error;
    }
  }

  async #stop(instance: Instance): Promise<void> {
    instance.stopping = true;
    instance.child.kill('SIGTERM');
    const hard = setTimeout(() => instance.child.kill('SIGKILL'), stopMs);
    await instance.exited;
    clearTimeout(hard);
    if (this.#instances.get(instance.index) === instance) this.#instances.delete(instance.index);
  }

  #ended(instance: Instance): void {
    if (instance.stopping) return;
    this.#instances.delete(instance.index);
    this.spec.onCrash?.(instance.name, instance.child.exitCode);
    setTimeout(() => {
      void this.#inTurn(async () => {
        if (instance.index < this.#replicas && !this.#instances.has(instance.index)) await this.#start(instance.index);
      }).catch(() => undefined);
    }, restartMs).unref();
  }
}

const endedError = (name: string): Error => new Error(`${name} ended before it was ready`);

/** The groups of this process; who starts one registers it. */
export class LocalProcessGroups extends ProcessGroups {
  readonly #groups = new Map<string, ProcessGroup>();

  register(group: ProcessGroup): void {
    this.#groups.set(group.name, group);
  }

  find(name: string): ProcessGroup | undefined {
    return this.#groups.get(name);
  }

  names(): string[] {
    return [...this.#groups.keys()];
  }
}
