import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decide,
  type Effect,
  evidenceOf,
  nextMove,
  type OpenAlert,
  parseRunbooks,
  type PastRun,
  planRun,
  rankCandidates,
  rankReason,
  reduceRun,
  refusal,
  resolveRestart,
  resolveScale,
  type RestartStep,
  type Run,
  type Runbook,
  type RunEvent,
  type ScaleStep,
  type SloReading,
  statementKey,
} from './index.js';

const alert: OpenAlert = {
  id: 'f:0:opened',
  fingerprint: 'f',
  kind: 'burn',
  signalId: 's',
  labels: { alertname: 'ErrorBudgetBurn', service: 'checkout', slo: 'fast', window: '1h/5m' },
  openedAtMs: 0,
};
const runbook = (name: string, spec = '', match = 'labels: { service: checkout }'): Runbook =>
  parseRunbooks(
    `{ apiVersion: vigil/v1, kind: Runbook, metadata: { name: ${name} }, spec: { match: { ${match} }, dryRun: false,
       steps: [{ scale: { group: checkout, replicas: { by: 1 }, max: 5 } }, { restart: { group: checkout, which: all } }],
       rollback: [{ scale: { group: checkout, replicas: before, max: 5 } }] ${spec} } }`,
    'r.yaml',
  ).runbooks[0]!;

describe('the choice of a runbook', () => {
  it('goes by priority, then by how much is asked of the alert, then by name, and says so', () => {
    const runbooks = [
      runbook('b'),
      runbook('a'),
      runbook('narrow', '', `kinds: [burn], labels: { service: checkout }`),
      runbook('urgent', ', priority: 5'),
      runbook('elsewhere', ', priority: 9', 'labels: { service: cart }'),
      runbook('other-kind', '', `kinds: [anomaly], labels: { service: checkout }`),
    ];
    const ranked = rankCandidates(runbooks, alert);
    expect(ranked.map(({ runbook: { name } }) => name)).toEqual(['urgent', 'narrow', 'a', 'b']);
    expect(ranked[0]!.target).toBe('group/checkout');
    expect(rankReason(ranked[0]!, ranked)).toBe(
      'urgent matches with priority 5 and 1 condition; passed over: narrow has priority 0, a has priority 0, b has priority 0',
    );
    expect(rankReason(ranked[1]!, ranked)).toContain('passed over: a asks 1 of the alert, b asks 1 of the alert');
  });

  it('is the same in whatever order the runbooks were read', () => {
    const all = ['a', 'b', 'c', 'd'].map((name, i) => runbook(name, `, priority: ${i % 2}`));
    const expected = rankCandidates(all, alert);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 4 }), (shuffled) => {
        expect(rankCandidates(shuffled, alert)).toEqual(expected);
      }),
    );
  });
});

describe('guards', () => {
  const candidate = { runbook: runbook('a', ', cooldown: 10m, maxRunsPerHour: 2'), target: 'group/checkout' };
  const ran = (startedAtMs: number, endedAtMs?: number, target = 'group/checkout', name = 'a'): PastRun => ({
    runbook: name,
    target,
    startedAtMs,
    endedAtMs,
  });

  it.each([
    { name: 'nothing before', past: [], at: 0, guard: undefined },
    { name: 'an action under way', past: [ran(0, undefined, 'group/checkout', 'z')], at: 9e9, guard: 'target-busy' },
    { name: 'an action elsewhere', past: [ran(0, undefined, 'group/cart', 'z')], at: 0, guard: undefined },
    { name: 'one within the cooldown', past: [ran(0, 1_000)], at: 600_999, guard: 'cooldown', retryAtMs: 601_000 },
    { name: 'one when the cooldown is over', past: [ran(0, 1_000)], at: 601_000, guard: undefined },
    {
      name: 'as many as an hour may have',
      past: [ran(0, 1, 'group/x'), ran(1_000, 2_000, 'group/y')],
      at: 3_599_999,
      guard: 'rate',
      retryAtMs: 3_600_000,
    },
    {
      name: 'as many, an hour ago',
      past: [ran(0, 1, 'group/x'), ran(1, 2, 'group/y')],
      at: 3_600_000,
      guard: undefined,
    },
  ])('judge $name', ({ past, at, guard, retryAtMs }) => {
    const refused = refusal(candidate, past, false, at);
    expect(refused?.guard).toBe(guard);
    if (retryAtMs !== undefined) expect(refused?.retryAtMs).toBe(retryAtMs);
  });

  it('hold everything back while healing is stopped', () => {
    expect(refusal(candidate, [], true, 0)?.guard).toBe('stopped');
  });

  it('let the next candidate try where the first must wait, and name the best where all must', () => {
    const other = { runbook: runbook('quick', ', cooldown: 1s'), target: 'group/checkout' };
    const decision = decide([candidate, other], [ran(0, 1_000)], false, 10_000);
    expect(decision).toMatchObject({ candidate: other, refusal: undefined });
    expect(decision?.heldBack).toEqual(['a: group/checkout was acted on 9 s ago; the cooldown is 600 s']);
    expect(decide([candidate, other], [ran(0, 1_000)], false, 1_500)).toMatchObject({
      candidate,
      refusal: { guard: 'cooldown' },
    });
    expect(decide([], [], false, 0)).toBeUndefined();
  });

  it('let no two actions of a target overlap, nor follow within the cooldown, whenever they are asked', () => {
    const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 10_000_000 }), fc.integer({ min: 1, max: 900_000 })));
    fc.assert(
      fc.property(times, (asked) => {
        const past: PastRun[] = [];
        for (const [at, takes] of [...asked].sort((a, b) => a[0] - b[0])) {
          const known = past.map((run) => ({ ...run, endedAtMs: run.endedAtMs! <= at ? run.endedAtMs : undefined }));
          if (refusal(candidate, known, false, at) === undefined) past.push(ran(at, at + takes));
        }
        past.forEach((run, i) => {
          const next = past[i + 1];
          if (next !== undefined) expect(next.startedAtMs - run.endedAtMs!).toBeGreaterThanOrEqual(600_000);
          expect(
            past.filter((p) => p.startedAtMs > run.startedAtMs - 3_600_000 && p.startedAtMs <= run.startedAtMs).length,
          ).toBeLessThanOrEqual(2);
        });
      }),
    );
  });
});

const reading = (atMs: number, burnShort: number, budgetRemaining = 0.5): SloReading => ({
  atMs,
  budgetRemaining,
  exhaustedAtMs: burnShort > 1 ? atMs + 720_000 : undefined,
  pairs: [
    { name: '1h/5m', burnShort, factor: 14.4 },
    { name: '3d/6h', burnShort: burnShort / 100, factor: 1 },
  ],
});
const scaleUp: Effect = { kind: 'scale', group: 'checkout', from: 2, to: 3, why: 'by +1' };
const restartAll: Effect = { kind: 'restart', group: 'checkout', instances: ['checkout-0'], why: 'all' };
const planned = (spec = ''): Run =>
  planRun(runbook('a', spec), 'group/checkout', alert, { id: 'r', key: 'k', phase: 'planned', reason: 'why', atMs: 0 });
const after = (run: Run, ...events: RunEvent[]): Run => events.reduce(reduceRun, run);
const observed = (atMs: number, burn: number, alertResolved = true, trouble?: string): RunEvent => ({
  kind: 'observed',
  atMs,
  reading: trouble === undefined ? reading(atMs, burn) : undefined,
  trouble,
  alertResolved,
});
const toVerifying: RunEvent[] = [
  { kind: 'began', atMs: 1_000, reading: reading(900, 30) },
  { kind: 'step-began', atMs: 1_000, effect: scaleUp },
  { kind: 'step-ended', atMs: 2_000, note: 'scaled' },
  { kind: 'step-began', atMs: 2_000, effect: restartAll },
  { kind: 'step-ended', atMs: 3_000, note: 'restarted' },
];

describe('a run', () => {
  it('succeeds when all was well without a break for as long as asked, and says in numbers what it was worth', () => {
    const verifying = after(planned(), ...toVerifying);
    expect(verifying).toMatchObject({ phase: 'verifying', replicasBefore: 2, replicasAfter: 3 });
    // Well, not well, then well: the clock starts again.
    const nearly = after(verifying, observed(4_000, 1), observed(5_000, 1), observed(20_000, 30), observed(30_000, 1));
    expect(nearly.phase).toBe('verifying');
    const run = after(nearly, observed(59_999, 1), observed(60_000, 1));
    expect(run.phase).toBe('succeeded');
    expect(evidenceOf(run)).toEqual({
      budgetRemainingAtStart: 0.5,
      budgetRemaining: 0.5,
      burnAtStart: 30,
      burnAtEnd: 1,
      minutesToExhaustion: 12,
      secondsToRecover: 29,
      replicasBefore: 2,
      replicasAfter: 3,
      stepsDone: 2,
    });
    expect(run.reason).toContain(
      'well after 29 s, burn 30.0 then, 1.0 now; at that burn the budget would have been spent in 12.0 minutes',
    );
  });

  it.each([
    { name: 'the alert still fires', event: observed(700_000, 1, false), says: 'the alert still fires' },
    { name: 'it still burns', event: observed(700_000, 15), says: 'the burn is 15.0, at or over its limit 14.4' },
    { name: 'the SLO cannot be read', event: observed(700_000, 1, true, 'HTTP 503'), says: 'HTTP 503' },
  ])('fails and rolls back when at the end $name', ({ event, says }) => {
    const failed = after(planned(), ...toVerifying, observed(4_000, 30, false), event);
    expect(failed).toMatchObject({ phase: 'failed', side: 'rollback', endedAtMs: undefined });
    expect(failed.reason).toContain(says);
    const back = after(
      failed,
      { kind: 'step-began', atMs: 701_000, effect: { ...scaleUp, from: 3, to: 2 } },
      { kind: 'step-ended', atMs: 702_000, note: 'scaled back' },
    );
    expect(back).toMatchObject({ phase: 'rolled-back', endedAtMs: 702_000, replicasAfter: 2 });
    expect(back.reason).toContain(says);
    expect(nextMove(back)).toEqual({ kind: 'end' });
  });

  it('does not take silence for recovery: without newer samples nothing is well', () => {
    const still = { kind: 'observed', reading: reading(4_000, 0), trouble: undefined, alertResolved: true } as const;
    const run = after(
      planned(),
      ...toVerifying,
      { ...still, atMs: 5_000 },
      { ...still, atMs: 500_000 },
      { ...still, atMs: 604_000 },
    );
    expect(run).toMatchObject({ phase: 'failed', side: 'rollback' });
    expect(run.reason).toContain('no newer samples');
  });

  it('repeats what may be repeated after a crash, and fails where nobody can know', () => {
    const [began, scaling, scaled, restarting] = toVerifying as [RunEvent, RunEvent, RunEvent, RunEvent];
    const inScale = after(planned(), began, scaling, { kind: 'resumed', atMs: 5_000 });
    expect(nextMove(inScale)).toMatchObject({ kind: 'execute', run: { effect: scaleUp } });
    const inRestart = after(planned(), began, scaling, scaled, restarting, { kind: 'resumed', atMs: 5_000 });
    expect(inRestart).toMatchObject({ phase: 'failed', side: 'rollback', inFlight: undefined });
    expect(inRestart.reason).toContain('its outcome is unknown, and it is not repeated');
  });

  it('stops before its next step, and leaves what is done', () => {
    const [began, scaling, scaled] = toVerifying as [RunEvent, RunEvent, RunEvent];
    const stop: RunEvent = { kind: 'stopped', atMs: 2_500, reason: 'stopped by hand' };
    const run = after(planned(), began, scaling, scaled, stop);
    expect(run).toMatchObject({ phase: 'failed', endedAtMs: 2_500, reason: 'stopped by hand' });
    const failed = after(planned(), ...toVerifying, observed(4_000, 30, false), observed(700_000, 30, false));
    expect(after(failed, { ...stop, atMs: 701_000 })).toMatchObject({
      phase: 'failed',
      endedAtMs: 701_000,
      reason: 'stopped by hand: what was done stays',
    });
    // A step that is asked for is not half undone.
    expect(after(planned(), began, scaling, stop).inFlight).toBeDefined();
  });

  it('fails when no step changed anything, and has nothing to undo', () => {
    const run = after(
      planned(),
      toVerifying[0]!,
      { kind: 'step-skipped', atMs: 1, note: 'has 5 already' },
      { kind: 'step-skipped', atMs: 2, note: 'none runs' },
    );
    expect(run).toMatchObject({
      phase: 'failed',
      endedAtMs: 2,
      reason: 'no step changed anything: has 5 already; none runs',
    });
  });

  it('never moves again once it ended, never says one thing under two names, whatever happens', () => {
    const event = fc.oneof(
      ...[...toVerifying, observed(0, 1), observed(0, 99), observed(0, 1, false, 'gone')].map((one) =>
        fc.integer({ min: 0, max: 2_000_000 }).map((atMs): RunEvent => ({ ...one, atMs }) as RunEvent),
      ),
      fc.constantFrom<RunEvent>(
        { kind: 'resumed', atMs: 1 },
        { kind: 'step-failed', atMs: 1, reason: 'no' },
        { kind: 'step-skipped', atMs: 1, note: 'nothing' },
        { kind: 'stopped', atMs: 1, reason: 'stop' },
        { kind: 'alert-gone', atMs: 1 },
      ),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let run = planned();
        const said = new Map<string, string>();
        for (const one of events) {
          const next = reduceRun(run, one);
          if (run.endedAtMs !== undefined) expect(next).toBe(run);
          if (next.inFlight !== undefined) expect(nextMove(next).kind).toBe('execute');
          const key = statementKey(next);
          if (key !== statementKey(run)) {
            expect(said.has(key)).toBe(false);
            said.set(key, next.reason);
          }
          if (next.phase === 'succeeded') expect(next.done.length).toBeGreaterThan(0);
          run = next;
        }
        // What was stored and read again goes on as if it had not been.
        expect(nextMove(JSON.parse(JSON.stringify(run)) as Run)).toEqual(nextMove(run));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a step made definite', () => {
  const step = (more: object): ScaleStep =>
    ({
      kind: 'scale',
      group: 'g',
      replicas: 'recommended',
      min: 1,
      max: 6,
      timeoutMs: 1,
      retries: 0,
      ...more,
    }) as ScaleStep;
  const group = { name: 'g', replicas: 3, instances: () => ['g-0', 'g-1', 'g-2'] };

  it.each([
    { name: 'the advice', more: {}, advice: { replicas: 5, reason: 'peak' }, to: 5, why: /recommended: peak/ },
    { name: 'its bound', more: {}, advice: { replicas: 50, reason: 'peak' }, to: 6, why: /bounded to 1 to 6/ },
    { name: 'its fallback', more: { fallback: { by: 2 } }, advice: { refusal: 'HTTP 404' }, to: 5, why: /HTTP 404/ },
    {
      name: 'its fallback where fewer are advised',
      more: { fallback: 4 },
      advice: { replicas: 2, reason: '' },
      to: 4,
      why: /the advice is 2/,
    },
    { name: 'a number', more: { replicas: 2 }, advice: undefined, to: 2, why: /2 by the runbook/ },
    { name: 'what was before', more: { replicas: 'before' }, advice: undefined, to: 1, why: /as it was/ },
  ])('scales to $name', ({ more, advice, to, why }) => {
    const resolved = resolveScale(step(more), { replicasBefore: 1 }, group, advice);
    expect(resolved).toMatchObject({ effect: { from: 3, to, why: expect.stringMatching(why) } });
  });

  it('skips a number that is there, and refuses to guess', () => {
    expect(resolveScale(step({ replicas: 3 }), { replicasBefore: undefined }, group, undefined)).toHaveProperty('skip');
    expect(() => resolveScale(step({}), { replicasBefore: undefined }, group, { refusal: 'HTTP 404' })).toThrow(
      'HTTP 404',
    );
  });

  it('restarts the instance that most open alerts of the service name', () => {
    const restart = { kind: 'restart', group: 'g', which: 'worst', timeoutMs: 1, retries: 0 } as RestartStep;
    const names = (instance: string, service = 'checkout') => ({ labels: { instance, service } });
    const open = [
      names('g-1'),
      names('g-2'),
      names('g-2'),
      names('g-0', 'cart'),
      names('g-0', 'cart'),
      names('g-0', 'cart'),
    ];
    expect(resolveRestart(restart, alert, group, open)).toMatchObject({ effect: { instances: ['g-2'] } });
    const odd = { ...names('g-1'), evidence: { score: 7 } };
    expect(resolveRestart(restart, alert, group, [...open, odd])).toMatchObject({ effect: { instances: ['g-1'] } });
    expect(() => resolveRestart(restart, alert, group, [])).toThrow('no open alert names an instance');
    expect(resolveRestart({ ...restart, fallback: 'all' }, alert, group, [])).toMatchObject({
      effect: { instances: ['g-0', 'g-1', 'g-2'] },
    });
    const named = {
      kind: 'restart',
      group: 'g',
      instance: '{{ labels.slo }}',
      timeoutMs: 1,
      retries: 0,
    } as RestartStep;
    expect(() => resolveRestart(named, alert, group, [])).toThrow("'fast' is no instance of g");
  });
});
