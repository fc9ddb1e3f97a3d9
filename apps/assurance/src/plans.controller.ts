import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { earliestSchedule, parsePlan, planPhase } from '@vigil/assurance';
import { Clock, ProblemError } from '@vigil/platform';
import { PlansService, type StoredPlan } from './plans.service.js';

@ApiTags('assurance')
@Controller('/api/v1/plans')
export class PlansController {
  constructor(
    private readonly plans: PlansService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Every plan: name, title, phase, version' })
  async list(): Promise<{ items: object[] }> {
    const items = (await this.plans.list()).map(({ plan, version, changedAt }) => ({
      name: plan.name,
      title: plan.title,
      phase: planPhase(plan, this.clock.now()),
      services: plan.services.length,
      version,
      changedAt,
    }));
    return { items };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One plan, with the earliest schedule of its steps' })
  async one(@Param('name') name: string): Promise<object> {
    const found = await this.plans.get(name);
    if (found === undefined) throw new ProblemError('unknown-plan', 404, `there is no plan '${name}'`);
    return this.#answer(found);
  }

  @Put(':name')
  @ApiOperation({ summary: 'Stores a plan as its next version; the same plan again changes nothing' })
  async put(@Param('name') name: string, @Body() body: unknown): Promise<object> {
    const { plan, errors } = parsePlan(JSON.stringify(body ?? null), 'body');
    if (plan === undefined) {
      const [first] = errors;
      const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
      throw new ProblemError(
        'bad-plan',
        400,
        `${first?.path === '' ? 'plan' : first?.path}: ${first?.message}${more}`,
        {
          position: first?.path ?? '',
        },
      );
    }
    if (plan.name !== name)
      throw new ProblemError('bad-plan', 400, `the plan is named '${plan.name}', the path says '${name}'`, {
        position: 'name',
      });
    return this.#answer(await this.plans.put(plan));
  }

  #answer({ plan, ...rest }: StoredPlan): object {
    const schedule = plan.windows.map(({ steps }) => earliestSchedule(steps));
    return { ...rest, phase: planPhase(plan, this.clock.now()), plan, schedule };
  }
}
