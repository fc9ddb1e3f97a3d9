import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type ProcessGroupAnswer, processGroupSchema } from '@vigil/contracts';
import { ProcessGroups } from '@vigil/remediation';
import { z } from 'zod';

@ApiTags('groups')
@Controller('/api/v1/groups')
export class GroupsController {
  constructor(private readonly groups: ProcessGroups) {}

  @Get()
  @ApiOperation({ summary: 'Groups of local processes that actions can scale and restart' })
  @ApiOkResponse({ standardSchema: z.object({ items: z.array(processGroupSchema) }) } as never)
  list(): { items: ProcessGroupAnswer[] } {
    const items = this.groups.names().flatMap((name) => {
      const group = this.groups.find(name);
      return group === undefined ? [] : [{ name, replicas: group.replicas, instances: group.instances() }];
    });
    return { items };
  }
}
