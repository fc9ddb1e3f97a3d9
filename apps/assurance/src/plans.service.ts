import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Plan, planSchema } from '@vigil/assurance';
import { schemaVersion } from '@vigil/contracts';
import { audit, Clock, RelationalStore } from '@vigil/platform';

export interface StoredPlan {
  readonly plan: Plan;
  readonly version: number;
  readonly hash: string;
  readonly changedAt: string;
}

interface Row {
  body: unknown;
  version: number;
  hash: string;
  changed_at: Date | string;
}

/** Plans in the relational store: a write counts the version up and is audited with it. */
@Injectable()
export class PlansService {
  constructor(
    private readonly store: RelationalStore,
    private readonly clock: Clock,
  ) {}

  async put(plan: Plan): Promise<StoredPlan> {
    const now = this.clock.now();
    const body = JSON.stringify(plan);
    const hash = createHash('sha256').update(body).digest('hex');
    const row = await this.store.transaction(async (sql) => {
      // The same plan again is no change: a retried request does not make a version.
      const [written] = await sql.query<Row>(
        `INSERT INTO document (kind, name, version, hash, body, schema_version, changed_at)
         VALUES ('plan', $1, 1, $2, $3::jsonb, $4, $5)
         ON CONFLICT (kind, name) DO UPDATE
           SET version = document.version + 1, hash = EXCLUDED.hash, body = EXCLUDED.body, changed_at = EXCLUDED.changed_at
           WHERE document.hash <> EXCLUDED.hash
         RETURNING body, version, hash, changed_at`,
        [plan.name, hash, body, schemaVersion, new Date(now).toISOString()],
      );
      if (written !== undefined) {
        await audit(
          sql,
          { actor: 'rest', action: 'plan.put', target: plan.name, detail: { version: written.version, hash } },
          now,
        );
      }
      return written;
    });
    return row === undefined ? (await this.get(plan.name))! : stored(row);
  }

  async get(name: string): Promise<StoredPlan | undefined> {
    const [row] = await this.store.query<Row>(
      `SELECT body, version, hash, changed_at FROM document WHERE kind = 'plan' AND name = $1`,
      [name],
    );
    return row === undefined ? undefined : stored(row);
  }

  async list(): Promise<StoredPlan[]> {
    const rows = await this.store.query<Row>(
      `SELECT body, version, hash, changed_at FROM document WHERE kind = 'plan' ORDER BY name`,
    );
    return rows.map(stored);
  }
}

function stored({ body, version, hash, changed_at }: Row): StoredPlan {
  return { plan: planSchema.parse(body), version, hash, changedAt: new Date(changed_at).toISOString() };
}
