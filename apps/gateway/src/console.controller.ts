import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { builtFile, ProblemError } from '@vigil/platform';
import type { FastifyReply } from 'fastify';

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
};
/** The page loads nothing from elsewhere and is framed by nobody. Styles: lit and uPlot set them on elements. */
const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

interface File {
  readonly body: Buffer;
  readonly etag: string;
}

/** The web page: three files, read once. */
@ApiExcludeController()
@Controller()
export class ConsoleController {
  readonly #files = new Map<string, File>();

  @Get('/')
  page(@Headers('if-none-match') known: string | undefined, @Res() reply: FastifyReply): void {
    this.#send('index.html', known, reply);
  }

  @Get('/console/:file')
  file(
    @Param('file') file: string,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): void {
    this.#send(file, known, reply);
  }

  #send(name: string, known: string | undefined, reply: FastifyReply): void {
    const type = types[name];
    if (type === undefined) throw new ProblemError('unknown-file', 404, `there is no file '${name}'`);
    const { body, etag } = this.#read(name);
    void reply
      .header('etag', etag)
      .header('cache-control', 'no-cache')
      .header('content-security-policy', policy)
      .header('x-content-type-options', 'nosniff');
    if (known === etag) void reply.status(304).send();
    else void reply.type(type).send(body);
  }

  #read(name: string): File {
    let file = this.#files.get(name);
    if (file === undefined) {
      const body = readFileSync(builtFile(import.meta.url, 'apps', 'console', name));
      file = { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
      this.#files.set(name, file);
    }
    return file;
  }
}
