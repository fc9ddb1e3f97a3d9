import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Problem } from '@vigil/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

const base = 'https://vigil.dev/problems/';

/** An error of the HTTP surface: what is wrong, where, and what is allowed. */
export class ProblemError extends HttpException {
  constructor(
    readonly code: string,
    status: number,
    readonly detail: string,
    readonly extra: { position?: string | number; retryAfterSeconds?: number } = {},
  ) {
    super(detail, status);
    this.name = ProblemError.name;
  }
}

/** Every error leaves as problem+json (RFC 9457) with a stable type; the unexpected is logged and told without detail. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const { url } = http.getRequest<FastifyRequest>();
    if (reply.sent) return;
    const problem = this.#problem(error, url);
    if (error instanceof ProblemError && error.extra.retryAfterSeconds !== undefined) {
      void reply.header('retry-after', String(error.extra.retryAfterSeconds));
    }
    void reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }

  #problem(error: unknown, instance: string): Problem {
    if (error instanceof ProblemError) {
      return {
        type: `${base}${error.code}`,
        title: error.code.replaceAll('-', ' '),
        status: error.getStatus(),
        detail: error.detail,
        instance,
        ...(error.extra.position === undefined ? {} : { position: error.extra.position }),
      };
    }
    const status = statusOf(error);
    if (status < 500) {
      return { type: `${base}bad-request`, title: 'bad request', status, detail: detailOf(error), instance };
    }
    this.#logger.error(error);
    return {
      type: `${base}internal`,
      title: 'internal error',
      status,
      detail: 'see the log of this process',
      instance,
    };
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : 500;
}

function detailOf(error: unknown): string {
  if (error instanceof HttpException) {
    const answer = error.getResponse() as { message?: unknown } | string;
    if (typeof answer === 'string') return answer;
    return Array.isArray(answer.message) ? answer.message.join('; ') : String(answer.message ?? error.message);
  }
  return (error as Error).message;
}
