import { Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProblemError } from '@vigil/platform';
import { z } from 'zod';
import { DemoService } from './demo.service.js';
import { faults } from './shop.js';

const breakSchema = z.strictObject({ service: z.literal('checkout'), fault: z.enum(faults) });

@ApiTags('demo')
@Controller('/api/v1/demo')
export class DemoController {
  constructor(private readonly demo: DemoService) {}

  @Get()
  @ApiOperation({ summary: 'What of the demo shop is broken' })
  state(): object {
    return this.demo.state();
  }

  @Post('fault')
  @HttpCode(200)
  @ApiOperation({ summary: 'Breaks the demo shop' })
  async break(@Body() body: unknown): Promise<{ words: string }> {
    const parsed = breakSchema.safeParse(body);
    if (!parsed.success) {
      const allowed = `{"service": "checkout", "fault": ${faults.map((fault) => `"${fault}"`).join(' | ')}}`;
      throw new ProblemError('bad-fault', 400, `allowed: ${allowed}`, {
        position: String(parsed.error.issues[0]?.path[0] ?? ''),
      });
    }
    return { words: await this.demo.break(parsed.data.fault) };
  }

  @Delete('fault')
  @ApiOperation({ summary: 'Ends the fault' })
  async heal(): Promise<{ words: string }> {
    return { words: await this.demo.heal() };
  }
}
