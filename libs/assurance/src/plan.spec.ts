import { describe, expect, it } from '@jest/globals';
import { earliestSchedule, findCycle, parsePlan, planPhase } from './index.js';

const text = `name: mourning-day
title: National day of mourning
timeZone: Asia/Shanghai
roles: { IC: { person: li }, OL: { person: wang, deputies: [zhao] }, IR: { person: chen }, QA: { person: sun } }
services:
  - { name: login, tier: P0 }
  - { name: lobby, tier: P1 }
windows:
  - direction: stop
    start: 2026-12-13T00:00:00+08:00
    end: 2026-12-13T01:00:00+08:00
    steps:
      - { name: close-lobby, service: lobby, durationSeconds: 120 }
      - { name: close-login, service: login, durationSeconds: 60, dependsOn: [close-lobby] }
`;

describe('parsePlan', () => {
  it('reads a plan', () => {
    const { plan, errors } = parsePlan(text, 'plan.yaml');
    expect(errors).toEqual([]);
    expect(plan).toMatchObject({ name: 'mourning-day', roles: { OL: { deputies: ['zhao'] } } });
  });

  it.each([
    { from: 'Asia/Shanghai', to: 'Asia/Atlantis', line: 3, path: 'timeZone', says: /IANA/ },
    { from: '2026-12-13T01', to: '2026-12-12T01', line: 11, path: 'windows[0].end', says: /after start/ },
    {
      from: 'service: login',
      to: 'service: shop',
      line: 14,
      path: 'windows[0].steps[1].service',
      says: /'shop' is no service/,
    },
    { from: '[close-lobby]', to: '[nothing]', line: 14, path: 'windows[0].steps[1].dependsOn[0]', says: /no step/ },
    {
      from: 'durationSeconds: 120',
      to: 'durationSeconds: 120, dependsOn: [close-login]',
      line: 13,
      path: 'windows[0].steps',
      says: /close-lobby -> close-login -> close-lobby/,
    },
    { from: '00:00:00+08:00', to: '00:00:00', line: 10, path: 'windows[0].start', says: /with its zone/ },
    { from: 'title:', to: 'titel:', line: 1, path: '', says: /titel/ },
  ])('refuses $to, saying where', ({ from, to, line, path, says }) => {
    const { plan, errors } = parsePlan(text.replace(from, to), 'plan.yaml');
    expect(plan).toBeUndefined();
    expect(errors).toContainEqual({
      file: 'plan.yaml',
      line,
      path,
      message: expect.stringMatching(says) as unknown as string,
    });
  });
});

describe('a schedule', () => {
  it('starts each step when all that it waits for is done', () => {
    const step = (name: string, durationSeconds: number, ...dependsOn: string[]) => ({
      name,
      service: 's',
      durationSeconds,
      dependsOn,
      checklist: [],
    });
    const schedule = earliestSchedule([step('d', 1, 'b', 'c'), step('a', 10), step('b', 5, 'a'), step('c', 30, 'a')]);
    expect(schedule.map(({ name, startSeconds, endSeconds }) => [name, startSeconds, endSeconds])).toEqual([
      ['a', 0, 10],
      ['b', 10, 15],
      ['c', 10, 40],
      ['d', 40, 41],
    ]);
  });

  it('has no circle where nobody waits in one', () => {
    expect(
      findCycle([
        { name: 'a', dependsOn: ['b'] },
        { name: 'b', dependsOn: [] },
      ]),
    ).toBeUndefined();
    expect(findCycle([{ name: 'a', dependsOn: ['a'] }])).toEqual(['a', 'a']);
  });
});

it.each([
  { at: '2026-12-12T15:59:59Z', phase: 'before' },
  { at: '2026-12-12T16:00:00Z', phase: 'running' },
  { at: '2026-12-12T17:00:00Z', phase: 'after' },
])('at $at the event is $phase', ({ at, phase }) => {
  expect(planPhase(parsePlan(text, 'plan.yaml').plan!, Date.parse(at))).toBe(phase);
});
