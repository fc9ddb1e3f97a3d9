import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  type RemediationRun,
  remediationRunSchema,
  type RemediationState,
  remediationStateSchema,
  type RunbookSummary,
  runbookSummarySchema,
} from '@vigil/contracts';
import { ProblemError } from '@vigil/platform';
import { evidenceOf, type Run, type Runbook, stepText } from '@vigil/remediation';
import { matcherToString } from '@vigil/telemetry';
import { z } from 'zod';
import { Planner } from './planner.js';
import { RunStore, type StopSwitch } from './run-store.js';

const limitMax = 200;

interface Page<Item> {
  items: Item[];
  /** Give it as `cursor` for what follows; null at the end. */
  nextCursor: string | null;
}

const switchBodySchema = z.object({ reason: z.string().max(500).default('') }).default({ reason: '' });

@ApiTags('remediation')
@Controller('/api/v1')
export class RemediationController {
  constructor(
    private readonly planner: Planner,
    private readonly runs: RunStore,
  ) {}

  @Get('runbooks')
  @ApiOperation({ summary: 'Runbooks that are in force, by name' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  @ApiOkResponse({ standardSchema: pageOf(runbookSummarySchema) } as never)
  runbooks(@Query('limit') limit?: string, @Query('cursor') cursor?: string): Page<RunbookSummary> {
    const wanted = parseLimit(limit);
    const rest = [...this.planner.runbooks]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ name }) => cursor === undefined || name > cursor);
    const items = rest.slice(0, wanted).map(summaryOf);
    return { items, nextCursor: rest.length > wanted ? items.at(-1)!.name : null };
  }

  @Get('actions')
  @ApiOperation({
    summary: 'Runs of healing, newest first: what was done, refused or tried dry, and what it was worth',
  })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  @ApiOkResponse({ standardSchema: pageOf(remediationRunSchema) } as never)
  async actions(@Query('limit') limit?: string, @Query('cursor') cursor?: string): Promise<Page<RemediationRun>> {
    const wanted = parseLimit(limit);
    const before = cursor === undefined ? undefined : Number(cursor);
    if (before !== undefined && !Number.isSafeInteger(before))
      throw new ProblemError('bad-query', 400, `'${cursor}' is no cursor of this list`, { position: 'cursor' });
    const found = await this.runs.list(before, wanted + 1);
    const shown = found.slice(0, wanted);
    return {
      items: shown.map(({ run }) => answerOf(run)),
      nextCursor: found.length > wanted ? String(shown.at(-1)!.seq) : null,
    };
  }

  @Get('actions/:id')
  @ApiOperation({ summary: 'One run, with its history' })
  @ApiOkResponse({ standardSchema: remediationRunSchema } as never)
  async action(@Param('id') id: string): Promise<RemediationRun> {
    const run = await this.runs.find(id);
    if (run === undefined) throw new ProblemError('unknown-action', 404, `there is no action '${id}'`);
    return answerOf(run);
  }

  @Get('remediation')
  @ApiOperation({ summary: 'Whether healing may act' })
  @ApiOkResponse({ standardSchema: remediationStateSchema } as never)
  async state(): Promise<RemediationState> {
    return this.#stateOf(await this.runs.stopSwitch());
  }

  @Post('remediation/stop')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stops healing before its next step; what is done stays, nothing is rolled back' })
  @ApiOkResponse({ standardSchema: remediationStateSchema } as never)
  async stop(@Body() body: unknown): Promise<RemediationState> {
    return this.#stateOf(await this.runs.setStopSwitch(true, 'rest', parseReason(body)));
  }

  @Post('remediation/start')
  @HttpCode(200)
  @ApiOperation({ summary: 'Lets healing act again' })
  @ApiOkResponse({ standardSchema: remediationStateSchema } as never)
  async start(@Body() body: unknown): Promise<RemediationState> {
    return this.#stateOf(await this.runs.setStopSwitch(false, 'rest', parseReason(body)));
  }

  async #stateOf({ stopped, sinceMs, reason }: StopSwitch): Promise<RemediationState> {
    const since = sinceMs === undefined ? null : new Date(sinceMs).toISOString();
    return { stopped, since, reason, running: await this.runs.running() };
  }
}

function pageOf<Item extends z.ZodType>(item: Item): z.ZodType {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

function parseLimit(text = '50'): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= limitMax) return limit;
  throw new ProblemError('bad-query', 400, `limit must be an integer from 1 to ${limitMax}, got '${text}'`, {
    position: 'limit',
  });
}

function parseReason(body: unknown): string {
  const parsed = switchBodySchema.safeParse(body ?? undefined);
  if (parsed.success) return parsed.data.reason;
  throw new ProblemError('bad-body', 400, 'the body must be {"reason": "..."} or nothing', { position: 'reason' });
}

function summaryOf(runbook: Runbook): RunbookSummary {
  const { matchers, steps, rollback, verify, kinds, ...rest } = runbook;
  const { name, description, priority, cooldownMs, maxRunsPerHour, dryRun, documentHash } = rest;
  return {
    name,
    description,
    matchers: matchers.map(matcherToString),
    kinds: [...kinds],
    priority,
    cooldownMs,
    maxRunsPerHour,
    dryRun,
    steps: steps.map((step) => stepText(step, {})),
    rollback: rollback.map((step) => stepText(step, {})),
    verify: { slo: verify.slo ?? null, withinMs: verify.withinMs, quietForMs: verify.quietForMs },
    documentHash,
  };
}

const timeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** Without the runbook's steps: their headers and bodies may hold secrets. */
function answerOf(run: Run): RemediationRun {
  const { id, runbook, target, phase, reason, alert, history } = run;
  return {
    id,
    runbook,
    target,
    phase,
    reason,
    alert: { id: alert.id, fingerprint: alert.fingerprint, signalId: alert.signalId, labels: { ...alert.labels } },
    evidence: evidenceOf(run),
    plannedAt: new Date(run.plannedAtMs).toISOString(),
    startedAt: timeOrNull(run.startedAtMs),
    endedAt: timeOrNull(run.endedAtMs),
    history: history.map((entry) => ({ at: new Date(entry.atMs).toISOString(), phase: entry.phase, text: entry.text })),
  };
}
