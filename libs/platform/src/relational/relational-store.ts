import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { DataSource, type EntityManager } from 'typeorm';
import { migrations } from './migrations.js';
import { pgliteDriver, PgliteSession } from './pglite-driver.js';

export type RelationalSettings =
  | { readonly databaseUrl: string; readonly schema?: string }
  /** `dataDir` undefined: in memory, gone with the process. */
  | { readonly dataDir: string | undefined };

/** Runs SQL of the one dialect both sizes speak; parameters are `$1`, `$2`, ... */
export interface Sql {
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

/** PostgreSQL, or PGlite in a worker, behind TypeORM: migrations, transactions, plain SQL. */
export class RelationalStore implements Sql {
  private constructor(readonly dataSource: DataSource) {}

  /**
   * Connects and migrates.
   * @throws the driver's error when the database cannot be reached or a migration fails.
   */
  static async open(settings: RelationalSettings): Promise<RelationalStore> {
    const dataSource =
      'databaseUrl' in settings
        ? new DataSource({
            type: 'postgres',
            url: settings.databaseUrl,
            migrations,
            migrationsTransactionMode: 'all',
            poolSize: 8,
            connectTimeoutMS: 10_000,
            ...(settings.schema === undefined
              ? {}
              : { schema: settings.schema, extra: { options: `-c search_path=${settings.schema}` } }),
          })
        : new DataSource({
            type: 'postgres',
            driver: pgliteDriver(await PgliteSession.open(prepareFolder(settings.dataDir))),
            migrations,
            migrationsTransactionMode: 'all',
          });
    await dataSource.initialize();
    await dataSource.runMigrations();
    return new RelationalStore(dataSource);
  }

  async query<Row = Record<string, unknown>>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return rowsOf<Row>(await this.dataSource.query(sql, [...parameters]));
  }

  /** All or nothing: what `work` writes is there when it resolves, and gone when it throws. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    return this.dataSource.transaction((manager) => work(sqlOf(manager)));
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
  }
}

function prepareFolder(dataDir: string | undefined): string | undefined {
  if (dataDir === undefined) return undefined;
  mkdirSync(dataDir, { recursive: true });
  return join(dataDir, 'pglite');
}

function sqlOf(manager: EntityManager): Sql {
  return {
    async query<Row = Record<string, unknown>>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
      return rowsOf<Row>(await manager.query(sql, [...parameters]));
    },
  };
}

/** TypeORM answers rows for SELECT and INSERT, but [rows, count] for UPDATE and DELETE. */
function rowsOf<Row>(raw: unknown): Row[] {
  if (Array.isArray(raw) && raw.length === 2 && Array.isArray(raw[0]) && typeof raw[1] === 'number')
    return raw[0] as Row[];
  return Array.isArray(raw) ? (raw as Row[]) : [];
}
