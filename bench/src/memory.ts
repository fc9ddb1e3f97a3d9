import { readFileSync } from 'node:fs';

/** What a process's memory is made of, MiB. */
export interface Memory {
  readonly residentMiB: number;
  /** Resident and the process's own, as against pages of files that the system may drop; null where it does not say. */
  readonly anonymousMiB: number | null;
  readonly heapUsedMiB: number;
  readonly externalMiB: number;
}

export interface MemorySample extends Memory {
  readonly second: number;
}

/** Reads a Vigil's memory from its /metrics and, on Linux, from what the system says of the process. */
export async function memoryOf(url: string, pid: number): Promise<Memory> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const mebibytes = (name: string): number =>
    Math.round(Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? NaN) / 2 ** 20);
  return {
    residentMiB: mebibytes('process_resident_memory_bytes'),
    anonymousMiB: anonymousMiB(pid),
    heapUsedMiB: mebibytes('nodejs_heap_size_used_bytes'),
    externalMiB: mebibytes('nodejs_external_memory_bytes'),
  };
}

function anonymousMiB(pid: number): number | null {
  try {
    const found = /^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return found === null ? null : Math.round(Number(found[1]) / 1_024);
  } catch {
    return null;
  }
}

/** How each part moves, MiB a minute, by least squares. */
export function slopesOf(samples: readonly MemorySample[]): Record<string, number> {
  const slope = (of: (sample: MemorySample) => number | null): number => {
    const points = samples.flatMap((sample) => {
      const y = of(sample);
      return y === null ? [] : [{ x: sample.second / 60, y }];
    });
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [mx, my] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
    const spread = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
    return Math.round((points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / spread) * 100) / 100;
  };
  return {
    residentMiBPerMinute: slope(({ residentMiB }) => residentMiB),
    anonymousMiBPerMinute: slope(({ anonymousMiB }) => anonymousMiB),
    heapUsedMiBPerMinute: slope(({ heapUsedMiB }) => heapUsedMiB),
    externalMiBPerMinute: slope(({ externalMiB }) => externalMiB),
  };
}
