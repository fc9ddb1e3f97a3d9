export interface ReplicaRequest {
  /** Demand to be served, such as the highest 95 % quantile within the horizon, in any unit. */
  readonly peak: number;
  /** What one replica serves at 100 % utilisation, in the same unit. */
  readonly capacityPerReplica: number;
  /** 0 to 1: how full a replica may be, such as 0.6. */
  readonly targetUtilisation: number;
  readonly min: number;
  readonly max: number;
}

export interface ReplicaAdviceResult {
  readonly replicas: number;
  /** In words: what the number rests on, and which bound cut it. */
  readonly reason: string;
}

/**
 * How many replicas keep utilisation at or under the target at the peak.
 * @throws RangeError when a number is outside its range.
 */
export function replicasFor({
  peak,
  capacityPerReplica,
  targetUtilisation,
  min,
  max,
}: ReplicaRequest): ReplicaAdviceResult {
  const check = (ok: boolean, what: string): void => {
    if (!ok) throw new RangeError(what);
  };
  check(Number.isFinite(peak), `peak must be a number, got ${peak}`);
  check(capacityPerReplica > 0, `capacityPerReplica must be above 0, got ${capacityPerReplica}`);
  check(
    targetUtilisation > 0 && targetUtilisation <= 1,
    `targetUtilisation must be in (0, 1], got ${targetUtilisation}`,
  );
  check(
    Number.isInteger(min) && Number.isInteger(max) && 0 <= min && min <= max,
    `0 <= min <= max must hold, got ${min}, ${max}`,
  );
  const usable = capacityPerReplica * targetUtilisation;
  // 6.000000001 replicas are six: a rounding error of the quotient buys no machine.
  const wanted = Math.max(0, Math.ceil(peak / usable - 1e-9));
  const replicas = Math.min(max, Math.max(min, wanted));
  const sum = `peak ${round(peak)} / (${round(capacityPerReplica)} a replica at ${Math.round(targetUtilisation * 100)} %) = ${wanted}`;
  const bound = wanted > max ? `, held at the maximum ${max}` : wanted < min ? `, held at the minimum ${min}` : '';
  return { replicas, reason: sum + bound };
}

/**
 * First step (0 is the next one) at which a quantile reaches the limit, or undefined within the horizon.
 */
export function stepsToSaturation(quantile: Float64Array, limit: number): number | undefined {
  const at = quantile.findIndex((value) => value >= limit);
  return at < 0 ? undefined : at;
}

const round = (value: number): number => Number(value.toPrecision(4));
