import { Injectable } from '@nestjs/common';
import { replicaAdviceSchema, sloStatusSchema } from '@vigil/contracts';
import { Outgoing, SelfUrl } from '@vigil/platform';
import { type Advice, ReplicaAdvisor, type SloReading, SloReadings } from '@vigil/remediation';

const timeoutMs = 5_000;
const statusSchema = sloStatusSchema.pick({ at: true, budgetRemaining: true, exhaustedAt: true, windows: true });

/** Asks Vigil's own REST: the service that counts may run in another process. */
@Injectable()
export class RestSloReadings extends SloReadings {
  constructor(
    private readonly outgoing: Outgoing,
    private readonly self: SelfUrl,
  ) {
    super();
  }

  async read(slo: string): Promise<SloReading> {
    const answer = await get(this.outgoing, this.self.of(`/api/v1/slos/${encodeURIComponent(slo)}`));
    const status = statusSchema.safeParse(answer);
    if (!status.success) throw new Error(`the answer is no SLO status: ${status.error.issues[0]?.message}`);
    const { at, budgetRemaining, exhaustedAt, windows } = status.data;
    return {
      atMs: Date.parse(at),
      budgetRemaining,
      exhaustedAtMs: exhaustedAt === null ? undefined : Date.parse(exhaustedAt),
      pairs: windows.map(({ name, burnShort, factor }) => ({ name, burnShort, factor })),
    };
  }
}

@Injectable()
export class RestReplicaAdvisor extends ReplicaAdvisor {
  constructor(
    private readonly outgoing: Outgoing,
    private readonly self: SelfUrl,
  ) {
    super();
  }

  async advise(service: string): Promise<Advice> {
    try {
      const answer = await get(this.outgoing, this.self.of(`/api/v1/replicas/${encodeURIComponent(service)}`));
      const advice = replicaAdviceSchema.pick({ replicas: true, reason: true }).safeParse(answer);
      return advice.success ? advice.data : { refusal: 'the answer is no advice' };
    } catch (error) {
      return { refusal: (error as Error).message };
    }
  }
}

/** @throws Error that tells the status and, of a problem, its detail. */
async function get(outgoing: Outgoing, url: string): Promise<unknown> {
  const { status, body } = await outgoing.call({ method: 'GET', url, timeoutMs });
  if (status === 200) return JSON.parse(body);
  let detail = '';
  try {
    detail = String((JSON.parse(body) as { detail?: unknown }).detail ?? '');
  } catch {
    // Not every answer is a problem of ours.
  }
  throw new Error(`HTTP ${status}${detail === '' ? '' : `: ${detail}`}`);
}
