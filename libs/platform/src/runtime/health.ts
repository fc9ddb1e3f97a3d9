/** Why this process should get no traffic at present; services report, /ready tells. */
export class Health {
  readonly #checks = new Map<string, () => string | undefined>();
  readonly facts = new Map<string, unknown>();
  #started = false;

  constructor(readonly startedAtMs: number) {}

  /** `check` answers undefined while all is well, else the reason in words. */
  register(name: string, check: () => string | undefined): void {
    this.#checks.set(name, check);
  }

  markStarted(): void {
    this.#started = true;
  }

  get started(): boolean {
    return this.#started;
  }

  reasons(): string[] {
    const reasons = this.#started ? [] : ['starting'];
    for (const check of this.#checks.values()) {
      const reason = check();
      if (reason !== undefined) reasons.push(reason);
    }
    return reasons;
  }
}
