import type { ByteReader, ByteWriter } from '@vigil/telemetry';
import { detectorConfig } from './config.js';
import type { Judgement } from './detector.js';

/** Which deviations are worth telling. */
export type Direction = 'up' | 'down' | 'both';

export interface EpisodeChange {
  readonly status: 'firing' | 'resolved';
  readonly startMs: number;
  /** Of a resolved one. */
  readonly endMs: number | undefined;
}

/**
 * One series' open anomaly: from the first value that is one, or that stays outside of the band with others, until several
 * are back inside or the detector has accepted the new level.
 */
export class Episode {
  #startMs = 0;
  #calm = 0;

  get isOpen(): boolean {
    return this.#startMs > 0;
  }

  update(timeMs: number, value: number, judgement: Judgement, direction: Direction): EpisodeChange | undefined {
    const isWorse = isToward(value - judgement.expected, direction);
    if (!this.isOpen) {
      if (!isWorse || !(judgement.isAnomaly || (judgement.isOutside && judgement.isHeld))) return undefined;
      this.#startMs = timeMs;
      this.#calm = 0;
      return { status: 'firing', startMs: timeMs, endMs: undefined };
    }
    this.#calm = judgement.isOutside && isWorse ? 0 : this.#calm + 1;
    if (judgement.isHeld && this.#calm < detectorConfig.homePoints) return undefined;
    return this.end(timeMs);
  }

  /** Nothing more is known of the series, or it is over. */
  end(timeMs: number): EpisodeChange | undefined {
    if (!this.isOpen) return undefined;
    const startMs = this.#startMs;
    this.#startMs = 0;
    return { status: 'resolved', startMs, endMs: timeMs };
  }

  write(out: ByteWriter): void {
    out.f64(this.#startMs);
    out.u32(this.#calm);
  }

  read(from: ByteReader): void {
    this.#startMs = from.f64();
    this.#calm = from.u32();
  }
}

function isToward(deviation: number, direction: Direction): boolean {
  switch (direction) {
    case 'up':
      return deviation > 0;
    case 'down':
      return deviation < 0;
    case 'both':
      return true;
    default: {
      const unreachable: never = direction;
      return unreachable;
    }
  }
}
