import type { LoggerService } from '@nestjs/common';
import { destination, pino, type Logger } from 'pino';

/** The framework telling of itself at every start: of use to its developers only. */
const chatter = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** Nest's logger over pino: JSON lines on stderr, so that stdout belongs to the program's answers. */
export class PinoLogger implements LoggerService {
  readonly #pino: Logger;

  constructor(level: 'error' | 'warn' | 'info' | 'debug') {
    this.#pino = pino({ level, base: null }, destination(2));
  }

  log(message: unknown, context?: string): void {
    if (context !== undefined && chatter.has(context)) this.#pino.debug({ context }, String(message));
    else this.#pino.info({ context }, String(message));
  }
  error(message: unknown, stackOrContext?: string, context?: string): void {
    this.#pino.error(
      { context: context ?? stackOrContext, stack: context === undefined ? undefined : stackOrContext },
      describe(message),
    );
  }
  warn(message: unknown, context?: string): void {
    this.#pino.warn({ context }, describe(message));
  }
  debug(message: unknown, context?: string): void {
    this.#pino.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: string): void {
    this.#pino.trace({ context }, String(message));
  }
}

function describe(message: unknown): string {
  return message instanceof Error ? `${message.name}: ${message.message}` : String(message);
}
