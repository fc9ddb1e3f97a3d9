import { Controller, Get, Headers, type MessageEvent, Query, Sse } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { type TimelineEntry, timelineEntrySchema } from '@vigil/contracts';
import { ProblemError } from '@vigil/platform';
import { Observable } from 'rxjs';
import { z } from 'zod';
import { TimelineService } from './timeline.service.js';

const limitMax = 1_000;
const pageSchema = z.object({ items: z.array(timelineEntrySchema), next: z.number().nullable() });

/** What happened, in order: signals, alerts, notifications, actions. */
@ApiTags('timeline')
@Controller('/api/v1')
export class TimelineController {
  constructor(private readonly timeline: TimelineService) {}

  @Get('timeline')
  @ApiOperation({ summary: 'The newest entries, oldest first; or those after an id, for paging onwards' })
  @ApiQuery({ name: 'after', required: false, description: 'id of an entry: only later ones' })
  @ApiQuery({ name: 'limit', required: false, description: `1 to ${limitMax}; 100 by default` })
  @ApiOkResponse({ standardSchema: pageSchema } as never)
  async list(
    @Query('after') after?: string,
    @Query('limit') limit = '100',
  ): Promise<{ items: TimelineEntry[]; next: number | null }> {
    const items = await this.timeline.read(
      wholeNumber('limit', limit, 1, limitMax),
      after === undefined ? undefined : wholeNumber('after', after, 0, Number.MAX_SAFE_INTEGER),
    );
    return { items, next: items.at(-1)?.id ?? null };
  }

  @Sse('events')
  @ApiOperation({ summary: 'The timeline as server-sent events; Last-Event-ID goes on where a connection was cut' })
  events(@Headers('last-event-id') lastEventId: string | undefined): Observable<MessageEvent> {
    const start = lastEventId === undefined ? undefined : wholeNumber('last-event-id', lastEventId, 0, 2 ** 53 - 1);
    return new Observable((subscriber) => {
      let next = start;
      let reading = false;
      const more = async (): Promise<void> => {
        if (reading) return;
        reading = true;
        try {
          const entries = await this.timeline.read(100, next);
          for (const entry of entries) subscriber.next({ id: String(entry.id), type: entry.kind, data: entry });
          next = entries.at(-1)?.id ?? next ?? 0;
        } catch (error) {
          subscriber.error(error);
        } finally {
          reading = false;
        }
      };
      void more();
      return this.timeline.listen(() => void more());
    });
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ProblemError('bad-query', 400, `${name} must be a whole number from ${min} to ${max}, got '${text}'`);
}
