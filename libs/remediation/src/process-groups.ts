/** Replicas of one service that run as processes of this machine. */
export interface ProcessGroup {
  readonly name: string;
  /** How many are wanted at present. */
  readonly replicas: number;
  /** Names of those that run, oldest first. */
  instances(): string[];
  /** Resolves when the wanted number runs. @throws RangeError outside the group's own bounds. */
  scale(replicas: number): Promise<void>;
  /** Stops one and starts its successor under the same name. @throws RangeError when it does not run. */
  restart(instance: string): Promise<void>;
}

/** Where the local executor finds what it may act on. */
export abstract class ProcessGroups {
  abstract find(name: string): ProcessGroup | undefined;
  abstract names(): string[];
}
