import type { Settings } from '../config/settings.js';

/**
 * Where Vigil's own REST is asked, so that services in other processes are reached the same way. The embedded size is one
 * process and asks where it listens, whatever port it got; the distributed size asks where all services answer together.
 */
export class SelfUrl {
  #url: string;

  constructor(private readonly settings: Settings) {
    this.#url = settings.externalUrl;
  }

  get url(): string {
    return this.#url;
  }

  /** Told once the process listens. */
  listening(url: string): void {
    if (this.settings.kafka === undefined) this.#url = url;
  }

  /** `path` begins with a slash and is encoded already. */
  of(path: string): string {
    return `${this.#url.replace(/\/+$/, '')}${path}`;
  }
}
